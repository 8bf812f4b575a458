"""Templates and expressions, and the conversation a question becomes: the same in training and in examinations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser

from preceptor.errors import TaskError
from preceptor.spec.task import Task
from preceptor.tasks import sandbox
from preceptor.tasks.sandbox import Filter, Sandbox

Message = dict[str, str]
"""One turn of a conversation: ``role`` (system, user or assistant) and ``content``."""

_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What operators and filters raise for values they cannot take; jinja's own errors come on top."""


@dataclass(frozen=True)
class Renderer:
    """A compiled template. Calling it with the values in scope gives the text."""

    where: str
    """What the template is, for messages, as in ``task.prompt``."""
    variables: frozenset[str]
    """Names it reads, whether or not it can do without them."""
    required: frozenset[str]
    """Names it reads without a ``default`` filter or an ``is defined`` test; ``validate`` checks these."""
    _template: Template = field(repr=False)

    def __call__(self, fields: Mapping[str, Any]) -> str:
        """The text for some values. Raises ``TaskError`` that names the template and what is missing."""
        text: str = _run(self.where, self.variables, fields, lambda: self._render(fields))
        return text

    def _render(self, fields: Mapping[str, Any]) -> str:
        chunks, size = [], 0
        for chunk in self._template.generate(fields):
            size += len(chunk)
            if size > sandbox.MAX_VALUE:
                raise OverflowError(f"the text is longer than {sandbox.MAX_VALUE} characters")
            chunks.append(chunk)
        return "".join(chunks)


@dataclass(frozen=True)
class Evaluator:
    """A compiled expression. Calling it with the values in scope gives a value of any plain type."""

    where: str
    """What the expression is, for messages."""
    variables: frozenset[str]
    """Names it reads, whether or not it can do without them."""
    required: frozenset[str]
    """Names it cannot do without."""
    _expression: TemplateExpression = field(repr=False)

    def __call__(self, fields: Mapping[str, Any]) -> Any:
        """The value. Raises ``TaskError`` that names the expression and what is missing."""
        return _run(self.where, self.variables, fields, lambda: self._evaluate(fields))

    def _evaluate(self, fields: Mapping[str, Any]) -> Any:
        value = self._expression(fields)
        sandbox.text(value)  # raises for what is undefined, too long or no plain value
        return value


def compile_template(text: str, where: str, *, filters: Mapping[str, Filter] | None = None) -> Renderer:
    """Compile a template in the sandbox, with ``filters`` beside the common ones.

    Raises ``TaskError`` with ``where`` and the line for syntax that is wrong or not allowed.
    """
    environment = sandbox.sandbox(filters)
    tree = _parsed(where, text, environment.parse)
    variables, required = _names(tree, environment, where)
    return Renderer(where, variables, required, environment.from_string(tree))


def compile_expression(text: str, where: str, *, filters: Mapping[str, Filter] | None = None) -> Evaluator:
    """Compile an expression, as in ``quantity * price``, in the same sandbox. Raises as ``compile_template`` does."""
    environment = sandbox.sandbox(filters)
    tree = _parsed(where, text, lambda source: _expression(source, environment))
    variables, required = _names(tree, environment, where)
    result = nodes.Assign(nodes.Name("result", "store"), tree.body[0].nodes[0], lineno=1)  # type: ignore[attr-defined]
    template = environment.from_string(nodes.Template([result], lineno=1))
    return Evaluator(where, variables, required, TemplateExpression(template, undefined_to_none=False))


def render_prompt(task: Task, fields: Mapping[str, Any]) -> str:
    """The question for a record's or a sample's columns, without space around it. Raises ``TaskError``."""
    return _prompt_renderer(task.prompt)(fields).strip()


def conversation(task: Task, prompt: str) -> list[Message]:
    """The turns up to the student's answer: system message, worked examples, the question."""
    turns = [{"role": "system", "content": task.system}] if task.system is not None else []
    for example in task.few_shot:
        turns += [{"role": "user", "content": example.prompt}, {"role": "assistant", "content": example.answer}]
    return [*turns, {"role": "user", "content": prompt}]


@lru_cache(maxsize=64)
def _prompt_renderer(template: str) -> Renderer:
    return compile_template(template, "task.prompt")


def _expression(source: str, environment: Sandbox) -> nodes.Template:
    parser = Parser(environment, source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("there is something after the expression", parser.stream.current.lineno)
    tree = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
    tree.set_environment(environment)
    return tree


def _parsed(where: str, text: str, parse: Callable[[str], nodes.Template]) -> nodes.Template:
    if len(text) > sandbox.MAX_SOURCE:
        raise TaskError(f"{where}: the template is longer than {sandbox.MAX_SOURCE} characters")
    try:
        return parse(text)
    except TemplateSyntaxError as error:
        raise _syntax_error(where, error) from error
    except (RecursionError, ValueError) as error:  # absurd nesting, a number of thousands of digits
        raise TaskError(f"{where}: the template cannot be read: {error}", mend="write a simpler template") from error


def _names(tree: nodes.Template, environment: Sandbox, where: str) -> tuple[frozenset[str], frozenset[str]]:
    """Check a tree, make it pay its way, and give the names it reads and those it cannot do without."""
    try:
        sandbox.check(tree, environment)
        variables = frozenset(meta.find_undeclared_variables(tree))
    except TemplateSyntaxError as error:
        raise _syntax_error(where, error) from error
    except RecursionError as error:
        raise TaskError(f"{where}: the template is nested too deeply", mend="write a simpler template") from error
    guarded = [node for node in tree.find_all(nodes.Filter) if node.name in ("default", "d")]
    tests = [node for node in tree.find_all(nodes.Test) if node.name in ("defined", "undefined")]
    optional = {node.node.name for node in [*guarded, *tests] if isinstance(node.node, nodes.Name)}
    sandbox.meter(tree)
    return variables, variables - optional


def _syntax_error(where: str, error: TemplateSyntaxError) -> TaskError:
    line = f", line {error.lineno}" if error.lineno > 1 else ""
    return TaskError(f"{where}{line}: {error.message}", mend="correct the template (Jinja syntax)")


def _run(where: str, variables: frozenset[str], fields: Mapping[str, Any], work: Callable[[], Any]) -> Any:
    try:
        return sandbox.metered(work)
    except UndefinedError as error:
        raise _undefined(where, variables - fields.keys(), fields, error) from error
    except SecurityError as error:
        raise TaskError(f"{where}: {error}", mend="write a simpler template: it only formats values") from error
    except (TemplateError, *_FAILURES) as error:
        raise TaskError(f"{where}: {error}", mend="change the template, or the value it is given") from error


def _undefined(where: str, missing: frozenset[str], fields: Mapping[str, Any], error: UndefinedError) -> TaskError:
    known = sorted(str(name) for name in fields)
    if not missing:
        return TaskError(f"{where}: {error.message}", mend="use `| default(…)` where a value may be absent")
    close = get_close_matches(min(missing), known, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    names = ", ".join(f"`{name}`" for name in sorted(missing))
    shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return TaskError(f"{where}: there is no {names}", mend=f"{hint}There is: {shown or 'nothing'}")
