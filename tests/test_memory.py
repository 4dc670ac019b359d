"""Memory as a container or a batch job has it: the kernel's own files, made up."""

import os

import pytest

from foveate import memory
from foveate.memory import free_memory_bytes, memory_bytes

GIB = 1 << 30
MACHINE = {"proc/meminfo": f"MemTotal: {1 << 30} kB\nMemAvailable: {64 << 20} kB\n"}
LIMITED = {
    "a container": (
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/memory.current": f"{GIB // 2 + 4096}\n",
            "sys/fs/cgroup/memory.stat": "anon 5\ninactive_file 4096\nfile 8192\n",
        },
        (GIB, GIB // 2),
    ),
    "a job's limit around its step": (
        {
            "proc/self/cgroup": "0::/slurm/job_7/step_0\n",
            "sys/fs/cgroup/slurm/job_7/step_0/memory.max": "max\n",
            "sys/fs/cgroup/slurm/job_7/step_0/memory.current": "5\n",
            "sys/fs/cgroup/slurm/job_7/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/slurm/job_7/memory.current": f"{2 * GIB}\n",
        },
        (GIB, 0),
    ),
    "the older form, seen from within": (
        {
            "proc/self/cgroup": "8:cpu,cpuacct:/docker/a:b\n4:memory:/docker/a:b\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB // 4}\n",
        },
        (GIB, GIB * 3 // 4),
    ),
}


def files(root, contents):
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(("contents", "expected"), LIMITED.values(), ids=LIMITED)
def test_a_limit_counts(tmp_path, monkeypatch, contents, expected):
    files(tmp_path, {**MACHINE, **contents})
    monkeypatch.setattr(memory, "_ROOT", tmp_path)
    assert (memory_bytes(), free_memory_bytes()) == expected


def test_without_a_limit_it_is_the_machines(tmp_path, monkeypatch):
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    monkeypatch.setattr(memory, "_ROOT", tmp_path)
    assert (memory_bytes(), free_memory_bytes()) == (physical, physical // 2)  # no system says anything
    files(tmp_path, {**MACHINE, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"})
    assert (memory_bytes(), free_memory_bytes()) == (physical, 64 * GIB)


def test_here_some_of_it_is_free():
    assert (
        0 < free_memory_bytes() <= memory_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    )
