from .common import either  # noqa: F401
