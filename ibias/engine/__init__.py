"""Backends that run lanes (a method and a seed each); all obey the contract of ``composed.run``."""

from importlib import import_module

from ..signals import recipe

# refuse rather than swap: what simulate holds beside the engine's own arrays
MEMORY_LIMIT = 8 * 2**30


def backend_named(name, problem, lanes):
    """``(name, run)`` of the backend to use; "auto" takes the fastest that supports every lane on this device."""
    if name == "auto":
        standard = all(recipe(lane.method.signal, problem.dataset.n) for lane in lanes)
        name = next(b for b in ("kernel", "lanes", "composed") if b == "composed" or (standard and _supports(b, problem, lanes)))
    if name not in ("kernel", "lanes", "composed"):
        raise ValueError(f"unknown backend {name!r}: use 'auto', 'kernel' (compiled, CPU), 'lanes' (torch, any device) or 'composed' (any signal)")
    return name, import_module(f".{name}", __package__).run


def _supports(name, problem, lanes):
    try:
        module = import_module(f".{name}", __package__)
    except ImportError:
        return False
    return module.supports(problem, lanes)


def check_memory(dataset, lanes, grid, weights):
    """Raise MemoryError with the estimate when results and weights would not fit in ``MEMORY_LIMIT`` bytes."""
    per_record = 8 * (9 + weights * dataset.k * dataset.d)
    needed = len(lanes) * (len(grid) * per_record + 8 * 8 * dataset.k * dataset.d)
    if needed > MEMORY_LIMIT:
        raise MemoryError(
            f"{len(lanes)} runs with {len(grid)} records each need about {needed / 2**30:.1f} GiB, above the limit of "
            f"{MEMORY_LIMIT / 2**30:.0f} GiB; record fewer steps, run fewer seeds at once, or set weights=False"
        )
