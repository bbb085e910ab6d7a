"""Tensors that several processes hold: FSDP2's shards (DTensor), work shared under DDP."""

import torch
import torch.distributed as dist


def is_sharded(tensor) -> bool:
    """Whether the tensor is a DTensor."""
    return hasattr(tensor, "full_tensor")


def held(tensors):
    """What this process holds of each tensor, a DTensor's shard or a plain one; no copy."""
    return [t.to_local() if is_sharded(t) else t for t in tensors]


def whole(local, like):
    """The tensor whose shard on this process is ``local``, distributed as ``like`` is."""
    if not is_sharded(like):
        return local
    from torch.distributed.tensor import DTensor

    layout = dict(device_mesh=like.device_mesh, placements=like.placements, run_check=False)
    return DTensor.from_local(local, **layout, shape=like.shape, stride=like.stride()).full_tensor()


def shard(full, like):
    """This process's shard of ``full``, which all of them have; no communication."""
    if not is_sharded(like):
        return full
    from torch.distributed.tensor import DTensor, Replicate

    mesh = like.device_mesh
    copies = DTensor.from_local(full, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return copies.redistribute(placements=like.placements).to_local()


def team(like, share_work: bool):
    """The process group whose members have the same work to do for ``like``, or None: the mesh axis
    along which a DTensor is cut, or with ``share_work`` all processes."""
    if is_sharded(like):
        group = next(iter(_groups(like)), None)
    else:
        ready = share_work and dist.is_available() and dist.is_initialized()
        group = dist.group.WORLD if ready else None
    return group if group is not None and dist.get_world_size(group) > 1 else None


def _groups(tensor) -> list:
    """The process groups of the mesh axes along which a DTensor is cut."""
    axes = [i for i, placement in enumerate(tensor.placements) if placement.is_shard()]
    return [tensor.device_mesh.get_group(i) for i in axes]


def mine(i, group) -> bool:
    """Whether this process is the owner of task ``i``."""
    return group is None or i % dist.get_world_size(group) == dist.get_rank(group)


def from_owner(i, tensor, group):
    """``tensor`` as the owner of task ``i`` has it."""
    if group is not None:
        owner = dist.get_global_rank(group, i % dist.get_world_size(group))
        tensor = tensor.contiguous()
        dist.broadcast(tensor, owner, group=group)
    return tensor


def summed(total, tensors, op="SUM"):
    """``total``, a 0-d tensor, over all processes that hold a shard of one of ``tensors``."""
    for group in {group for t in tensors if is_sharded(t) for group in _groups(t)}:
        dist.all_reduce(total, getattr(dist.ReduceOp, op), group=group)
    return total


def as_computed(tensor):
    """16 bits are mapped in float32."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
