"""Write the whole documentation site: the guide, whose chapters are run, and README.md and docs/ beside it.

python tools/make_site.py site     a folder that any web host can serve; nothing is fetched from elsewhere
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from foveate.errors import FoveateError
from foveate.guide.pages import Pages
from foveate.guide.site import write_site

ROOT = Path(__file__).parents[1]
PAGES = Pages(
    ROOT,
    {
        "How to": (
            "What foveate does <README>",
            "docs/photographs",
            "docs/labels",
            "docs/regression",
            "docs/segmentation",
            "docs/detectors",
            "docs/captioning",
            "docs/unknown",
            "docs/explain",
            "docs/inspect",
            "docs/serve",
            "docs/web",
            "docs/shards",
            "docs/clusters",
            "docs/several",
            "docs/scikit-learn",
            "docs/hub",
            "docs/trackers",
            "docs/ecosystem",
            "docs/extending",
            "examples/README",
            "CONTRIBUTING",
        ),
        "Data": ("docs/masks", "docs/boxes", "docs/annotations", "docs/scenes", "docs/bad-inputs"),
        "Reference": ("docs/api", "docs/commands", "docs/average-precision"),
        "Measured": (
            "docs/benchmarks",
            "docs/runtimes",
            "docs/installs",
            "docs/guide",
            "docs/gpu",
            "docs/fcn",
            "docs/cnn-and-vit",
        ),
    },
)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 where a chapter fails or a page has a dead link."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace a site that is there")
    options = parser.parse_args(arguments)
    try:
        size = write_site(options.out, overwrite=options.overwrite, say=print, pages=PAGES)
    except FoveateError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.out}: {size / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
