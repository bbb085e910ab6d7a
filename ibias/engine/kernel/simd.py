"""Eight doubles as one numba value: LLVM's ``<8 x double>``, a slot for each of eight runs.

LLVM does not vectorise inner loops of length 8 over arrays that might alias, so the vectors are
explicit.  The type is portable: LLVM maps it to one 512-bit register, two of 256 or four of 128.
``+ - * /`` work between vectors and with floats; ``load(a, i)`` and ``store(a, i, v)`` take a flat
index into a contiguous float64 array of any shape.
"""

from operator import add, mul, sub, truediv

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array

WIDTH = 8
_KINDS = ir.DoubleType(), ir.FloatType(), ir.IntType(64)
DOUBLES, SINGLES, INTS = (ir.VectorType(kind, WIDTH) for kind in _KINDS)
FUSED = ("contract",)  # a*b + c may round once; nothing else is relaxed


class _Vector(types.Type):
    def __init__(self):
        super().__init__("Vector8")


vector = _Vector()


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, DOUBLES)


# ---- building blocks: plain functions that emit instructions


def _all(x, kind=DOUBLES):
    return ir.Constant(kind, [x] * WIDTH)


def _repeat(builder, x):
    undefined = ir.Constant(DOUBLES, ir.Undefined)
    first = builder.insert_element(undefined, x, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, zeros)


def _call(builder, name, *arguments):
    """The LLVM intrinsic ``name`` for vectors of doubles or singles."""
    suffix = ".v8f32" if arguments[0].type == SINGLES else ".v8f64"
    kind = ir.FunctionType(arguments[0].type, [a.type for a in arguments])
    found = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}{suffix}")
    return builder.call(found, arguments)


def _pick(builder, relation, x, y, yes, no):
    return builder.select(builder.fcmp_ordered(relation, x, y), yes, no)


def _times(builder, x, y):
    return builder.fmul(x, y, flags=FUSED)


def _plus(builder, x, y):
    return builder.fadd(x, y, flags=FUSED)


def _two_to(builder, e):
    """``2**e`` for integer-valued e, 0 below 2**-1022, 2**1023 at most: the exponent is written."""
    field = _plus(builder, e, _all(1023.0))
    field = _pick(builder, ">", field, _all(0.0), field, _all(0.0))
    field = _pick(builder, "<", field, _all(2046.0), field, _all(2046.0))
    # adding 2**52 leaves the integer in the low bits of the mantissa, with no conversion
    low = builder.bitcast(_plus(builder, field, _all(2.0**52)), INTS)
    return builder.bitcast(builder.shl(low, _all(52, INTS)), DOUBLES)


# ---- arithmetic


@lower_cast(types.float64, _Vector)
def _from_float(context, builder, source, target, x):
    return _repeat(builder, x)


def _define(op, instruction):
    @infer_global(op)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):
            known = vector in args and all(a in (vector, types.float64) for a in args)
            if known and len(args) == 2 and not kws:
                return signature(vector, vector, vector)

    @lower_builtin(op, _Vector, _Vector)
    def _lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args, flags=FUSED)


for _operator, _instruction in {add: "fadd", sub: "fsub", mul: "fmul", truediv: "fdiv"}.items():
    _define(_operator, _instruction)


# ---- functions for compiled code


def _address(context, builder, sig, args):
    place = builder.gep(make_array(sig.args[0])(context, builder, args[0]).data, [args[1]])
    return builder.bitcast(place, DOUBLES.as_pointer())


@intrinsic
def load(typing, a, i):
    return vector(a, types.int64), lambda c, b, s, x: b.load(_address(c, b, s, x), align=8)


@intrinsic
def store(typing, a, i, v):
    def lower(c, b, s, x):
        b.store(x[2], _address(c, b, s, x), align=8)
        return c.get_dummy_value()

    return types.void(a, types.int64, vector), lower


@intrinsic
def splat(typing, x):
    """The same float in all eight slots."""
    return vector(types.float64), lambda c, b, s, a: _repeat(b, a[0])


@intrinsic
def larger(typing, x, y):
    return vector(vector, vector), lambda c, b, s, a: _pick(b, ">", a[0], a[1], a[0], a[1])


@intrinsic
def smaller(typing, x, y):
    return vector(vector, vector), lambda c, b, s, a: _pick(b, "<", a[0], a[1], a[0], a[1])


@intrinsic
def where(typing, x, y, yes, no):
    """``yes`` where ``x > y``, else ``no``."""
    return vector(vector, vector, vector, vector), lambda c, b, s, a: _pick(b, ">", *a)


@intrinsic
def root(typing, x):
    return vector(vector), lambda c, b, s, a: _call(b, "sqrt", a[0])


@intrinsic
def nearest(typing, x):
    """Rounded to integers (ties to even)."""
    return vector(vector), lambda c, b, s, a: _call(b, "rint", a[0])


@intrinsic
def any_above(typing, x, y):
    """True when ``x > y`` in some slot."""

    def lower(c, b, s, a):
        mask = b.bitcast(b.fcmp_ordered(">", a[0], a[1]), ir.IntType(WIDTH))
        return b.icmp_unsigned("!=", mask, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(vector, vector), lower


# exp(r), |r| <= log(2)/2: a polynomial through Chebyshev nodes, whose error is below rounding
_EXP = (
    2.5100424157005067e-08,
    2.7620138719733994e-07,
    2.7557268378684192e-06,
    2.480152119021773e-05,
    0.00019841269863105968,
    0.0013888888917281794,
    0.008333333333330051,
    0.04166666666662399,
    0.16666666666666669,
    0.5000000000000001,
    1.0,
    1.0,
)
# their sum is log 2 to 90 bits
_LOG2_HIGH, _LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


@intrinsic
def exp_scaled(typing, x, e):
    """``exp(x) * 2**e`` for integer-valued e, the scaling exact until it underflows to 0."""

    def lower(c, b, s, a):
        x, e = a
        turns = _call(b, "rint", _times(b, x, _all(1.4426950408889634)))
        r = b.fsub(x, _times(b, turns, _all(_LOG2_HIGH)), flags=FUSED)
        r = b.fsub(r, _times(b, turns, _all(_LOG2_LOW)), flags=FUSED)
        value = _all(_EXP[0])
        for coefficient in _EXP[1:]:
            value = _plus(b, _times(b, value, r), _all(coefficient))
        return _times(b, value, _two_to(b, _plus(b, turns, e)))

    return vector(vector, vector), lower


@intrinsic
def two_to(typing, e):
    """``2**e`` for integer-valued e; 0 below 2**-1022, capped at 2**1023."""
    return vector(vector), lambda c, b, s, a: _two_to(b, a[0])


@intrinsic
def exponent(typing, x):
    """``floor(log2 x)`` of positive numbers (-1023 for 0)."""

    def lower(c, b, s, a):
        bits = b.lshr(b.bitcast(a[0], INTS), _all(52, INTS))
        return b.sitofp(b.sub(bits, _all(1023, INTS)), DOUBLES)

    return vector(vector), lower


@intrinsic
def half_angle_tangent(typing, gap, dot, size):
    """``tan(theta/2)`` for the Jacobi angle, ``tan 2 theta = 2 dot / gap`` with
    ``|theta| <= pi/4``, in single precision.

    Any angle gives an orthogonal rotation; this one need only converge.  ``gap`` and ``dot`` are
    first divided by a power of two near ``size``, to fit the range of single precision.
    """

    def lower(c, b, s, a):
        gap, dot, size = a
        power = b.and_(b.bitcast(size, INTS), _all(0x7FF << 52, INTS))
        inverse = b.bitcast(b.sub(_all(2046 << 52, INTS), power), DOUBLES)
        h = b.fptrunc(_times(b, gap, inverse), SINGLES)
        g = b.fptrunc(_times(b, _times(b, dot, inverse), _all(2.0)), SINGLES)
        sign = _call(b, "copysign", _all(1.0, SINGLES), h)
        g2 = _times(b, g, g)
        # half of 2 cos^2, times the radius
        t = _plus(b, _call(b, "fabs", h), _call(b, "sqrt", _plus(b, _times(b, h, h), g2)))
        t = _plus(b, t, _call(b, "sqrt", _plus(b, _times(b, t, t), g2)))
        return b.fpext(b.fdiv(_times(b, sign, g), _plus(b, t, _all(1e-37, SINGLES))), DOUBLES)

    return vector(vector, vector, vector), lower
