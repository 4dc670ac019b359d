"""torch for files that describe layers: where it is not installed they can be described, and not made.

So one file may hold a layer's module and its entry in the operator table, and a blueprint is checked without
torch all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["F", "Tensor", "nn", "torch"]

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional as F
else:
    try:
        import torch
        from torch import Tensor, nn
        from torch.nn import functional as F
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise

        class _Absent:
            """Has classes of every name, to derive from; nothing can be done with them."""

            def __getattr__(self, name: str) -> Any:
                if name.startswith("__"):
                    raise AttributeError(name)
                return type(name, (), {})

        torch = nn = F = _Absent()
        Tensor = torch.Tensor
