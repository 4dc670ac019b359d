"""What keeps the program readable: how long its files and functions are, and how much a function is told."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "foveate"
LONGEST_FILE, LONGEST_FUNCTION, MANY_ARGUMENTS = 400, 60, 8

# What takes eight arguments or more, for a reason. Elsewhere what belongs together is one frozen dataclass.
TOLD_MUCH = {
    # they say what a command says, by the names of its flags
    *("api/check.py check", "api/evaluate.py evaluate", "api/explain.py explain", "api/export.py export"),
    *("api/load.py load", "api/predict_shards.py predict_shards", "api/serve.py serve", "api/shard.py shard"),
    *("api/train.py train", "cli/inspect.py command"),
    # scikit-learn's contract: a constructor names every setting
    "sklearn/estimators.py _Trains.__init__",
    # torch's own signatures, and torchvision's
    "layers/convolution.py Conv2d.__init__",
    *("reference/convolution.py conv2d", "reference/convolution.py conv2d_backward"),
    "reference/transposed_convolution.py conv_transpose2d",
    "reference/transposed_convolution.py conv_transpose2d_backward",
    "models/resnet.py ResNet.__init__",
    # what people write in files of their own
    *("operators/table.py register_layer", "runtime/predictor.py Predictor.__init__"),
    *("explanation/faithfulness.py hiding", "training/loop.py Trainer.__init__"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    def within(node: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.ClassDef | Function)
            inner = (*names, child.name) if named else names
            if isinstance(child, Function):
                yield f"{path.relative_to(SOURCE).as_posix()} {'.'.join(inner)}", child
            yield from within(child, inner)

    yield from within(ast.parse(path.read_text(encoding="utf-8")), ())


def arguments(function: Function) -> int:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    some = (given.vararg, given.kwarg)
    return sum(one.arg not in {"self", "cls"} for one in named) + sum(one is not None for one in some)


def test_a_file_is_read_in_one_sitting() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert len(lengths) > 100
    assert [path for path, lines in lengths.items() if lines > LONGEST_FILE] == []


def test_a_function_fits_on_a_screen_and_is_told_what_it_needs() -> None:
    found = [pair for path in SOURCE.rglob("*.py") for pair in functions(path)]
    long = [name for name, one in found if (one.end_lineno or 0) - one.lineno + 1 > LONGEST_FUNCTION]
    assert long == []
    assert {name for name, one in found if arguments(one) >= MANY_ARGUMENTS} == TOLD_MUCH
