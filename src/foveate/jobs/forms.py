"""How rows of answers are written: JSON lines, which need nothing, or Parquet, which pyarrow writes.

Both hold what `foveate predict --json` says of a picture. Parquet's columns have the types of the task's
document, so all objects of a job have one schema, whatever a shard holds; a folder of them is one table.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin, is_typeddict

from foveate.errors import MissingExtraError, UnknownNameError
from foveate.http.schema import fields_of

Rows = Sequence[Mapping[str, Any]]
AUTO, JSONL, PARQUET = "auto", "jsonl", "parquet"
ENDINGS = {JSONL: ".jsonl.gz", PARQUET: ".parquet"}
FIRST = {"file": str, "split": str, "row": int, "error": str}  # columns of every object


def chosen(form: str) -> str:
    """The form that is meant; "auto" is Parquet where pyarrow is here. Raises UnknownNameError."""
    if form == AUTO:
        return PARQUET if importlib.util.find_spec("pyarrow") else JSONL
    if form not in ENDINGS:
        raise UnknownNameError("form", form, (AUTO, *ENDINGS))
    return form


def written(rows: Rows, form: str, document: type) -> bytes:
    """The bytes of an object, the same for the same rows. Raises MissingExtraError."""
    return _WRITERS[form](rows, document)


def _json_lines(rows: Rows, document: type) -> bytes:
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return gzip.compress(text.encode("ascii"), mtime=0)


def _parquet(rows: Rows, document: type) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("Writing Parquet", "parquet") from error
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in (FIRST | fields_of(document)).items()])
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(list(rows), schema), file, compression="zstd")
    return file.getvalue()


_WRITERS: Mapping[str, Callable[[Rows, type], bytes]] = {JSONL: _json_lines, PARQUET: _parquet}


def arrow_type(kind: Any) -> Any:
    """The Arrow type of a TypedDict, ``list[...]``, ``Literal[...]`` or plain type, annotated or not."""
    import pyarrow as pa

    while get_origin(kind) in (Annotated, NotRequired):
        kind = get_args(kind)[0]
    if is_typeddict(kind):
        return pa.struct([(name, arrow_type(field)) for name, field in fields_of(kind).items()])
    if get_origin(kind) is list:
        return pa.list_(arrow_type(get_args(kind)[0]))
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[kind]
