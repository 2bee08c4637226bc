"""The optional compiled parts: where there is no C compiler, the pure-Python twins serve.

Every `.pyx` below `kshell/` is one extension module, with the `.pxi` that it includes; adding one
needs nothing here.
"""

from pathlib import Path

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            depends=[
                str(part) for kind in ("*.h", "*.pxi") for part in sorted(path.parent.glob(kind))
            ],
            extra_compile_args=["-O3"],
            optional=True,
        )
        for path in sorted(Path("kshell").rglob("*.pyx"))
    ]
)
