"""Which parameters of a model are hidden matrices: the groups that Muon and the like want."""

from dataclasses import dataclass
from fnmatch import fnmatch

from torch import nn
from torch.nn.parameter import UninitializedParameter

ROLES = ("matrices", "embeddings", "head", "vectors")
CONVOLUTIONS: tuple[type, ...] = nn.Conv1d, nn.Conv2d, nn.Conv3d
CONVOLUTIONS += nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d
GATES = {nn.LSTM: 4, nn.LSTMCell: 4, nn.GRU: 3, nn.GRUCell: 3, nn.RNN: 1, nn.RNNCell: 1}


@dataclass(frozen=True)
class Groups:
    """A model's parameters by role, as parameter groups with names; prints as a table.

    ``matrices``, ``embeddings``, ``head``, ``vectors``: lists of groups (dictionaries), empty where
    there is nothing; ``rest`` is all but the matrices.  ``rows`` has a (name, shape, role, reason)
    for every parameter, frozen ones (role "frozen", in no group) included.
    """

    matrices: list[dict]
    embeddings: list[dict]
    head: list[dict]
    vectors: list[dict]
    rows: list[tuple[str, tuple[int, ...], str, str]]

    @property
    def rest(self) -> list[dict]:
        return [*self.embeddings, *self.head, *self.vectors]

    def __str__(self):
        table = [("parameter", "shape", "role", "because")]
        table += [(name, "x".join(map(str, s)), role, why) for name, s, role, why in self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ([c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in table)
        return "\n".join("  ".join(cells).rstrip() for cells in lines)


def groups(model: nn.Module, **overrides) -> Groups:
    """Sorts the named parameters of ``model`` by the type of the module that owns them.

    Embeddings are ``embeddings``; the weight of the last ``Linear`` in order of definition is the
    ``head`` (tied to an embedding, it stays with the embeddings); other weights with two or more
    axes are ``matrices``, and all else ``vectors``.  A fused attention projection
    (``MultiheadAttention.in_proj_weight``) and the gates of recurrent layers come with the
    ``split`` into their parts, a ``Bilinear`` as a stack.

    ``overrides``: a role and the names that belong there, with wildcards:
    ``groups(model, head="decoder.*", embeddings=["pos", "tok*"])``.

    Raises TypeError for what is no module, ValueError for a lazy module that has seen no batch,
    another role, a name under none or two roles, or a vector among the matrices.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"groups takes a torch.nn.Module; got {type(model).__name__}")
    modules = dict(model.named_modules())
    own = {  # each parameter once, under its first name, with the module that owns it
        name: (parameter, modules[_owner(name)]) for name, parameter in model.named_parameters()
    }
    wanted = _overridden(list(own), overrides)
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    last = linear[-1] if linear else None
    sorted_: dict[str, dict] = {role: {} for role in ROLES}
    rows: list = []
    for name, (parameter, module) in own.items():
        if isinstance(parameter, UninitializedParameter):
            remedy = "has no shape yet; run one batch through the model first"
            raise ValueError(f"groups: {name} belongs to a lazy module and {remedy}")
        role, why, options = _role(name, parameter, module, last)
        if name in wanted:
            role, why = wanted[name], "you said so"
        if role == "matrices" and parameter.ndim < 2:
            raise ValueError(f"groups: {name} has shape {tuple(parameter.shape)} and is no matrix")
        if not parameter.requires_grad:
            role, why = "frozen", "requires_grad is False"
        else:
            options = options if role == "matrices" else ()
            sorted_[role].setdefault(options, []).append((name, parameter))
        rows.append((name, tuple(parameter.shape), role, why))
    made = {
        role: [{"params": named, **dict(options)} for options, named in of_role.items()]
        for role, of_role in sorted_.items()
    }
    return Groups(**made, rows=rows)


def _owner(name):
    """The name of the module that a parameter belongs to, past its parametrization's own."""
    path = name.split(".")
    return ".".join(path[: path.index("parametrizations") if "parametrizations" in path else -1])


def _role(name, parameter, module, last):
    """The role by the module's type, why, and the options of a matrix group."""
    kind = type(module).__name__
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "embeddings", kind, ()
    if parameter.ndim < 2:
        return "vectors", f"{parameter.ndim} axes in {kind}", ()
    if name.endswith(("weight_g", "weight.original0")):
        return "vectors", f"lengths of the rows in {kind} (weight_norm)", ()
    if module is last:
        return "head", "the last Linear", ()
    if isinstance(module, nn.MultiheadAttention) and name.endswith("in_proj_weight"):
        return "matrices", f"{kind}, query, key and value", (("split", 3),)
    for recurrent, gates in GATES.items():
        if isinstance(module, recurrent) and gates > 1 and "weight_hr" not in name:
            return "matrices", f"{kind}, {gates} gates", (("split", gates),)
    if isinstance(module, nn.Bilinear):
        return "matrices", f"{kind}, a stack", (("matrices", "batched"),)
    known = isinstance(module, (nn.Linear, nn.MultiheadAttention, *CONVOLUTIONS, *GATES))
    return "matrices", kind if known else f"two or more axes in {kind}: look whether it is one", ()


def _overridden(names, overrides):
    """Name -> role, from patterns."""
    wanted = {}
    for role, patterns in overrides.items():
        if role not in ROLES:
            raise ValueError(f"groups: the roles are {', '.join(ROLES)}; got {role!r}")
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            matched = [name for name in names if fnmatch(name, pattern)]
            if not matched:
                raise ValueError(f"groups({role}={pattern!r}) matches none of {', '.join(names)}")
            for name in matched:
                if wanted.setdefault(name, role) != role:
                    raise ValueError(f"groups: {name} is both {wanted[name]} and {role}")
    return wanted
