"""What services and the database raise, as the errors of the research endpoints."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from dashboard.api.port import Away, Conflict, Missing, Refused, ResearchError
from dashboard.db import DatabaseError
from dashboard.db.paging import NotFound
from dashboard.services.deploy import DeployError, NotConfirmed, StrategyUnknown

Given = ParamSpec("Given")
Result = TypeVar("Result")


def translated(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Methods of the desk raise ResearchError or the bridge's errors, nothing else that is expected."""

    @functools.wraps(function)
    def call(*args: Given.args, **keywords: Given.kwargs) -> Result:
        with translating():
            return function(*args, **keywords)

    return call


@contextmanager
def translating() -> Iterator[None]:
    try:
        yield
    except ResearchError:
        raise
    except NotConfirmed as error:
        raise Refused(_sentence(error), field="body.confirm", value=None, allowed=error.needed) from error
    except StrategyUnknown as error:
        known = ", ".join(error.known)
        raise Refused(_sentence(error), field="body.strategy", value=error.strategy, allowed=known) from error
    except DeployError as error:
        raise Conflict(_sentence(error)) from error
    except NotFound as error:
        raise Missing(_sentence(error)) from error
    except SQLAlchemyError as error:
        raise Away(f"The database cannot be used now: {_cause(error)}.") from error
    except DatabaseError as error:
        raise Away(_sentence(error)) from error
    except ValueError as error:
        raise _refused(error) from error


def _refused(error: ValueError) -> Refused:
    """Services raise ValueErrors that name the field; those without attributes name it first in their sentence."""
    field = getattr(error, "field", None)
    if field is not None:
        name = field if str(field).startswith(("body.", "query.")) else f"body.{field}"
        value, allowed = getattr(error, "value", None), getattr(error, "allowed", None)
        return Refused(_sentence(error), field=name, value=value, allowed=allowed)
    found = re.match(r"(cursor|order_by|limit|points) = ('[^']*'|\S+): (.*)", str(error))
    if found:
        return Refused(_sentence(error), field=f"query.{found[1]}", value=found[2].strip("'"), allowed=found[3])
    return Refused(_sentence(error))


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith((".", "!", "?")) else text + "."


def _cause(error: SQLAlchemyError) -> str:
    """The driver's first line: the rest is SQL and may hold values."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
