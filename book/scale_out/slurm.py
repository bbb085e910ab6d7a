"""A sweep on a Slurm cluster: run this on the login node, inside `tmux` or as a
small job of its own.

pip install -e '.[fast,sweep,cli,data]' -c constraints.txt dask-jobqueue
python slurm.py grid.toml
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster

JOBS = 8  # Slurm jobs; each holds WORKERS processes of one thread
WORKERS = 16
# the compiled engine uses one thread, and so must the libraries under it
ONE_THREAD = "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1"

if __name__ == "__main__":
    cluster = SLURMCluster(
        cores=WORKERS,
        processes=WORKERS,  # one a core
        memory="32GB",
        walltime="04:00:00",
        queue="normal",
        job_script_prologue=[f"export {ONE_THREAD}"],
        # hand work over before Slurm ends the job
        worker_extra_args=["--lifetime", "230m", "--lifetime-stagger", "5m"],
        # for GPU nodes: processes=1 and job_extra_directives=["--gres=gpu:1"];
        # a worker uses the GPU it sees
    )
    cluster.scale(jobs=JOBS)
    at = ["--scheduler", cluster.scheduler_address]
    command = ["ibias", "sweep", *sys.argv[1:], *at]
    sys.exit(subprocess.run(command).returncode)
