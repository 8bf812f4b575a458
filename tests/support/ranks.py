"""Several training processes on this machine, started as torchrun would: ``run(jobs, 2)`` trains each job in turn."""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from preceptor.training.job import TrainingJob, TrainingResult


def run(jobs: Sequence[TrainingJob], size: int, directory: Path) -> list[TrainingResult]:
    """Train every job in a world of ``size`` processes; results as rank 0 saw them."""
    orders, results = directory / "jobs.pickle", directory / "results.pickle"
    orders.write_bytes(pickle.dumps(list(jobs)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, str(orders), str(results)],
            env=os.environ | world | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
        )
        for rank in range(size)
    ]
    complaints = [rank.communicate()[1].decode() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * size, "\n".join(complaints)
    return pickle.loads(results.read_bytes())


def main(orders: Path, results: Path) -> None:
    import torch

    from preceptor.training.loop import train

    torch.set_num_threads(1)
    outcome = [train(job) for job in pickle.loads(orders.read_bytes())]
    torch.distributed.destroy_process_group()
    if os.environ["RANK"] == "0":
        results.write_bytes(pickle.dumps(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
