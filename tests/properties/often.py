"""A rule of a state machine that is chosen more often than others."""

from functools import wraps

from hypothesis.stateful import rule


class often:  # noqa: N801 (a decorator, as `rule` is)
    """Mark a method as a rule that is chosen ``times`` as often as one by ``rule``: it is there under so many names."""

    def __init__(self, times, /, **arguments):
        self.times, self.arguments = times, arguments

    def __call__(self, function):
        self.function = function
        return self

    def __set_name__(self, machine, name):
        for number in range(self.times):
            one = _copy(self.function, f"{name}_{number}" if number else name)
            setattr(machine, one.__name__, rule(**self.arguments)(one))


def _copy(function, name):
    @wraps(function)
    def copy(*arguments, **named):
        return function(*arguments, **named)

    copy.__name__ = name
    return copy
