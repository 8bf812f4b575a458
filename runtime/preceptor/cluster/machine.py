"""The machine a Ray process runs on."""

from __future__ import annotations

import os

import ray


def use_cpus(processes: int = 1) -> None:
    """Let torch compute on this machine's CPUs, shared evenly by so many processes.

    Ray tells a process without CPUs of its own to use a single thread, however idle the machine is.
    """
    import torch

    torch.set_num_threads(max(1, cpus() // processes))


def cpus() -> int:
    """CPUs that Ray knows this machine to have: in a container fewer than the kernel says."""
    here = ray.get_runtime_context().get_node_id()
    declared = next(int(node["Resources"].get("CPU", 1)) for node in ray.nodes() if node["NodeID"] == here)
    return min(declared, os.cpu_count() or 1)
