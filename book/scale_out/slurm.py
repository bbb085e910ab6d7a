"""A sweep on a Slurm cluster: run this on the login node, inside `tmux` or as a small job of its
own.

pip install -e '.[fast,sweep,cli,data]' -c constraints.txt dask-jobqueue
python slurm.py grid.toml
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster

JOBS = 8  # Slurm jobs; each holds WORKERS processes of one thread
WORKERS = 16

if __name__ == "__main__":
    cluster = SLURMCluster(
        cores=WORKERS,
        # one process a core: the compiled engine uses one thread, and so must the libraries under
        # it
        processes=WORKERS,
        memory="32GB",
        walltime="04:00:00",
        queue="normal",
        job_script_prologue=["export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1"],
        worker_extra_args=[
            "--lifetime",
            "230m",
            "--lifetime-stagger",
            "5m",
        ],  # hand work over before Slurm ends the job
        # for GPU nodes: processes=1 and job_extra_directives=["--gres=gpu:1"]; a worker uses the
        # GPU it sees
    )
    cluster.scale(jobs=JOBS)
    sys.exit(
        subprocess.run(
            ["ibias", "sweep", *sys.argv[1:], "--scheduler", cluster.scheduler_address]
        ).returncode
    )
