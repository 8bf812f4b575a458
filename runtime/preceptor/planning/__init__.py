"""What a run would do, found out without doing it: check everything a document refers to, count, estimate, show."""

from preceptor.planning.inputs import check_inputs
from preceptor.planning.plan import Plan, plan
from preceptor.planning.view import render

__all__ = ["Plan", "check_inputs", "plan", "render"]
