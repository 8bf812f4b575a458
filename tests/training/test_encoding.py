from preceptor.students.encoding import Encoded
from preceptor.training.encoding import shared_prefix


def test_the_shared_prefix_leaves_each_question_its_last_token() -> None:
    long, short = tuple(range(20)), tuple(range(12))
    assert shared_prefix([Encoded(long, (1,)), Encoded(short, (2,))]) == tuple(range(11))
    assert shared_prefix([Encoded(long, (1,))] * 2) == tuple(range(19))
    assert shared_prefix([Encoded(long, (1,)), Encoded((5, *long), (2,))]) == ()
