// Steepest descent: a thread block per run, many steps per launch.  Plain CUDA C++ without headers; host.cpp compiles the same text for the CPU.
//
// W, M (the average, largest entry 1), G and, with variance reduction, the gradient F at the epoch's first iterate are k x d matrices in
// shared memory.  What decays like exp(-margin) is kept as value * exp(log scale), one scale per run, as in lanes.py.
// Every sum is cut into a fixed number of parts, so results have the same bits for any number of threads.

#ifndef REAL
#define REAL double
#endif

#define EACH(i, count) for (int i = threadIdx.x; i < (count); i += blockDim.x)

constexpr int PARTS = 64;      // of a reduction over a matrix
constexpr int DOT_PARTS = 8;   // of an inner product of two rows
constexpr int SWEEPS = 30;     // of Jacobi; seven are usual
constexpr REAL ROUNDING = sizeof(REAL) == 8 ? 2.220446049250313e-16 : 1.1920928955078125e-7;

// Filled by backend.py: every field is eight bytes.
struct Job {
    const REAL *x;           // (n, d)
    const long long *y;      // (n)
    const long long *orders; // (epochs, n); row 0 is the epoch of the first step
    const REAL *rates;       // (schedules, steps)
    const REAL *method;      // (runs, 3): momentum, conjugate exponent q of the norm, relative cut of singular values
    const long long *kind;   // (runs, 3): row of `rates`, whether the norm is a Schatten norm, whether variance is reduced
    REAL *w, *m, *log_scale; // (runs, k, d) twice, (runs): carried from launch to launch
    REAL *f, *log_f, *kept;  // (runs, k, d), (runs), (runs, n, k): gradient and residuals at the epoch's first iterate
    REAL *spill;             // (runs, b, k): residuals of the batch, where they do not fit on the chip
    long long n, d, k, b, steps, first, exponential, on_chip; // first: of the launch, within its epoch
};

// The shared memory of a block; backend.shared_numbers counts the same pieces.  Entry o of a matrix is written by one and the same thread in
// every EACH over (k, d) or over its size: only reading other entries needs a barrier.
struct Chip {
    REAL *w, *m, *g, *parts, *f, *turn, *sigma, *angle, *z;

    __device__ Chip(const Job &job, REAL *next, bool reduced, bool schatten) {
        const int size = job.k * job.d, pairs = job.k / 2;
        auto take = [&](int count) { REAL *here = next; next += count; return here; };
        w = take(size), m = take(size), g = take(size);
        parts = take(pairs * 3 * DOT_PARTS > PARTS ? pairs * 3 * DOT_PARTS : PARTS);
        f = take(reduced ? size : 0);
        turn = take(schatten ? (job.k - 1) * job.k : 0);
        sigma = take(schatten ? 2 * (job.k - 1) : 0);
        angle = take(schatten ? 3 * pairs : 0);
        z = job.on_chip ? take(job.b * job.k) : job.spill + blockIdx.x * job.b * job.k;
    }
};

__device__ REAL nothing() { return log(REAL(0)); } // -inf, the log scale of zero
__device__ REAL raised(REAL x, REAL e) { return e == 0 ? REAL(1) : e == 1 ? x : pow(x, e); }
__device__ REAL sign(REAL x) { return REAL(x > 0) - REAL(x < 0); }

// `term(0)`, ..., `term(count - 1)` joined, to every thread.
template <class Term, class Join> __device__ REAL reduce(REAL *parts, int count, REAL start, Term term, Join join) {
    EACH(p, PARTS) {
        REAL result = start;
        for (int i = p; i < count; i += PARTS) result = join(result, term(i));
        parts[p] = result;
    }
    __syncthreads();
    REAL result = parts[0];
    for (int p = 1; p < PARTS; p++) result = join(result, parts[p]);
    __syncthreads();
    return result;
}

template <class Term> __device__ REAL largest(REAL *parts, int count, Term term) {
    return reduce(parts, count, nothing(), term, [](REAL a, REAL b) { return fmax(a, b); });
}

template <class Term> __device__ REAL sum(REAL *parts, int count, Term term) {
    return reduce(parts, count, REAL(0), term, [](REAL a, REAL b) { return a + b; });
}

// dl/dz of `count` samples into z (count, k), as value * exp(scale); returns the scale, at least `floor`.  rows: null for all samples.
// No cancellation: the entries of other classes are products, the own one is minus their sum.
__device__ REAL residuals(const Job &job, const Chip &chip, const long long *rows, int count, REAL floor, REAL *z) {
    const int k = job.k, d = job.d;
    auto sample = [&](int i) { return rows ? rows[i] : i; };
    EACH(o, count * k) {
        const REAL *x = job.x + sample(o / k) * d, *w = chip.w + o % k * d;
        REAL total = 0;
        for (int j = 0; j < d; j++) total += w[j] * x[j];
        z[o] = total;
    }
    __syncthreads();
    EACH(i, count) {
        REAL *row = z + i * k, top = nothing(), total = 0;
        const int own = job.y[sample(i)];
        for (int c = 0; c < k; c++) if (c != own) top = fmax(top, row[c]);
        for (int c = 0; c < k; c++) if (c != own) total += row[c] = exp(row[c] - top);
        const REAL margin = row[own] - top - log(total);
        for (int c = 0; c < k; c++) if (c != own) row[c] /= total;
        row[own] = job.exponential ? -margin : -fmax(margin, REAL(0)) - log1p(exp(-fabs(margin))); // until the scale is known
    }
    __syncthreads();
    const REAL scale = fmax(floor, largest(chip.parts, count, [&](int i) { return z[i * k + job.y[sample(i)]]; }));
    EACH(i, count) {
        REAL *row = z + i * k;
        const int own = job.y[sample(i)];
        const REAL weight = exp(row[own] - scale);
        for (int c = 0; c < k; c++) row[c] = c == own ? -weight : weight * row[c];
    }
    __syncthreads();
    return scale;
}

// to (k, d) = mean of z_i x_i^T over `count` samples.
__device__ void mean_product(const Job &job, const REAL *z, const long long *rows, int count, REAL *to) {
    EACH(o, job.k * job.d) {
        const int c = o / job.d, j = o % job.d;
        REAL total = 0;
        for (int i = 0; i < count; i++) total += z[i * job.k + c] * job.x[(rows ? rows[i] : i) * job.d + j];
        to[o] = total / count;
    }
}

// G and its log scale, plus `share` times F when variance is reduced.
struct Signal { REAL log_scale, share; };

__device__ Signal signal(const Job &job, const Chip &chip, const long long *rows, bool reduced, bool opening, REAL &log_f) {
    const int k = job.k, b = job.b;
    REAL *kept = job.kept + blockIdx.x * job.n * k;
    if (reduced && opening) { // at the snapshot itself the correction cancels exactly, not just up to rounding
        log_f = residuals(job, chip, nullptr, job.n, nothing(), kept);
        mean_product(job, kept, nullptr, job.n, chip.f);
        EACH(o, k * job.d) chip.g[o] = 0;
        return {log_f, 1};
    }
    const REAL log_scale = residuals(job, chip, rows, b, reduced ? log_f : nothing(), chip.z);
    const REAL fade = reduced ? exp(log_f - log_scale) : 0;
    if (reduced) {
        EACH(o, b * k) chip.z[o] -= fade * kept[rows[o / k] * k + o % k];
        __syncthreads();
    }
    mean_product(job, chip.z, rows, b, chip.g);
    return {log_scale, fade};
}

// M = beta M + (1 - beta) signal on the larger of the two scales, divided by its largest entry.  Returns the log scale of M.
__device__ REAL average(const Job &job, const Chip &chip, Signal fresh, REAL beta, REAL log_m) {
    const int size = job.k * job.d;
    const REAL old = beta > 0 ? log_m : nothing(), scale = fmax(old, fresh.log_scale);
    const REAL anchor = scale > nothing() ? scale : 0; // -inf only while every signal so far was zero
    const REAL keep = beta * exp(old - anchor), take = (1 - beta) * exp(fresh.log_scale - anchor);
    EACH(o, size) {
        const REAL now = chip.g[o] + (fresh.share ? fresh.share * chip.f[o] : 0);
        chip.m[o] = (keep ? keep * chip.m[o] : 0) + take * now;
    }
    __syncthreads();
    const REAL top = largest(chip.parts, size, [&](int o) { return fabs(chip.m[o]); });
    const REAL unit = top > 0 ? top : 1;
    EACH(o, size) chip.m[o] /= unit;
    __syncthreads();
    return scale + log(unit);
}

// W -= eta * steepest(M) for the entry-wise norm of conjugate exponent q: sign(m) (|m| / ||m||_q)^(q-1), or the first largest entry.
__device__ void entrywise_step(const Job &job, const Chip &chip, REAL q, REAL eta) {
    const int size = job.k * job.d;
    const REAL *m = chip.m;
    if (isinf(q)) {
        const REAL last = largest(chip.parts, size, [&](int o) { return fabs(m[o]) == 1 ? -REAL(o) : nothing(); });
        if (threadIdx.x == 0 && last > nothing()) chip.w[int(-last)] -= eta * sign(m[int(-last)]);
    } else {
        const REAL total = q == 1 ? 1 : sum(chip.parts, size, [&](int o) { return raised(fabs(m[o]), q); });
        const REAL length = total > 0 ? pow(total, (q - 1) / q) : 1;
        EACH(o, size) chip.w[o] -= eta * sign(m[o]) * raised(fabs(m[o]), q - 1) / length;
    }
    __syncthreads();
}

// Pair h of a round in which every row meets one other (row 0 stays, the others go round a circle); false where the count is odd.
__device__ bool meeting(int count, int round, int h, int &p, int &r) {
    const int circle = count + count % 2 - 1;
    p = h ? (round + h) % circle : circle;
    r = (round - h + circle) % circle;
    return p < count && r < count;
}

// One-sided Jacobi: rotate the rows of G (count, d) until they are orthogonal, and those of `turn` (count, k) with them.
__device__ void orthogonalise(const Job &job, const Chip &chip, int count) {
    const int d = job.d, k = job.k, pairs = (count + 1) / 2;
    REAL *g = chip.g, *parts = chip.parts, *angle = chip.angle;
    // rows of this squared length are rounding: let be
    const REAL noise = 16 * ROUNDING * ROUNDING * sum(parts, count * d, [&](int o) { return g[o] * g[o]; });
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (int round = 0; round < 2 * pairs - 1; round++) {
            int p, r;
            EACH(o, pairs * DOT_PARTS) if (meeting(count, round, o / DOT_PARTS, p, r)) {
                REAL pp = 0, pr = 0, rr = 0;
                for (int j = o % DOT_PARTS; j < d; j += DOT_PARTS) {
                    const REAL a = g[p * d + j], b = g[r * d + j];
                    pp += a * a, pr += a * b, rr += b * b;
                }
                parts[3 * o] = pp, parts[3 * o + 1] = pr, parts[3 * o + 2] = rr;
            }
            __syncthreads();
            EACH(h, pairs) {
                REAL pp = 0, pr = 0, rr = 0, cosine = 1, sine = 0, unsettled = 0;
                if (meeting(count, round, h, p, r)) {
                    for (int o = 3 * h * DOT_PARTS; o < 3 * (h + 1) * DOT_PARTS; o += 3) pp += parts[o], pr += parts[o + 1], rr += parts[o + 2];
                    if (fmin(pp, rr) > noise) {
                        const REAL gap = rr - pp, radius = sqrt(4 * pr * pr + gap * gap);
                        const REAL tangent = radius > 0 ? (gap >= 0 ? 2 * pr : -2 * pr) / (fabs(gap) + radius) : 0;
                        cosine = 1 / sqrt(1 + tangent * tangent), sine = tangent * cosine;
                        unsettled = pr * pr > 4 * ROUNDING * pp * rr; // below that this sweep was the last: convergence is quadratic
                    }
                }
                angle[3 * h] = cosine, angle[3 * h + 1] = sine;
                angle[3 * h + 2] = round ? fmax(angle[3 * h + 2], unsettled) : unsettled;
            }
            __syncthreads();
            EACH(o, pairs * (d + k)) {
                const int h = o / (d + k), j = o % (d + k);
                if (!meeting(count, round, h, p, r)) continue;
                REAL &a = j < d ? g[p * d + j] : chip.turn[p * k + j - d], &b = j < d ? g[r * d + j] : chip.turn[r * k + j - d];
                const REAL before = a;
                a = angle[3 * h] * before - angle[3 * h + 1] * b;
                b = angle[3 * h + 1] * before + angle[3 * h] * b;
            }
            __syncthreads();
        }
        bool unsettled = false;
        for (int h = 0; h < pairs; h++) unsettled = unsettled || angle[3 * h + 2] > 0;
        if (!unsettled) return;
    }
}

// W -= eta * U f(sigma) V^T of M.  Columns of M sum to zero: k - 1 Helmert rows H hold it.  Jacobi turns A = H M to J A with rows sigma v^T
// and H to J H, so that the map is (J H)^T diag(f / sigma) J A; singular values at or below `cut` times the largest are dropped.
__device__ void schatten_step(const Job &job, const Chip &chip, REAL q, REAL cut, REAL eta) {
    const int d = job.d, k = job.k, count = k - 1;
    REAL *sigma = chip.sigma, *weight = chip.sigma + count;
    EACH(o, count * k) {
        const REAL row = o / k + 1, c = o % k;
        chip.turn[o] = c < row ? 1 / sqrt(row * (row + 1)) : c == row ? -row / sqrt(row * (row + 1)) : 0;
    }
    __syncthreads();
    EACH(o, count * d) {
        REAL total = 0;
        for (int c = 0; c < k; c++) total += chip.turn[o / d * k + c] * chip.m[c * d + o % d];
        chip.g[o] = total;
    }
    __syncthreads();
    orthogonalise(job, chip, count);
    EACH(s, count) {
        REAL square = 0;
        for (int j = 0; j < d; j++) square += chip.g[s * d + j] * chip.g[s * d + j];
        sigma[s] = sqrt(square);
    }
    __syncthreads();
    EACH(s, count) {
        int best = 0;
        REAL total = 0;
        for (int i = 1; i < count; i++) if (sigma[i] > sigma[best]) best = i;
        const REAL top = sigma[best], share = sigma[s] / top;
        for (int i = 0; i < count && !isinf(q); i++) if (sigma[i] > cut * top) total += raised(sigma[i] / top, q);
        const REAL f = isinf(q) ? s == best : raised(share, q - 1) / pow(total, (q - 1) / q);
        weight[s] = sigma[s] > cut * top ? f / sigma[s] : 0;
    }
    __syncthreads();
    EACH(o, k * d) {
        REAL total = 0;
        for (int s = 0; s < count; s++) total += chip.turn[s * k + o / d] * weight[s] * chip.g[s * d + o % d];
        chip.w[o] -= eta * total;
    }
    __syncthreads();
}

extern "C" __global__ void persistent(const Job *all) {
    extern __shared__ REAL memory[];
    const Job &job = *all;
    const int size = job.k * job.d, run = blockIdx.x, per_epoch = job.n / job.b;
    const REAL beta = job.method[3 * run], q = job.method[3 * run + 1], cut = job.method[3 * run + 2];
    const REAL *rates = job.rates + job.kind[3 * run] * job.steps;
    const bool schatten = job.kind[3 * run + 1], reduced = job.kind[3 * run + 2];
    const Chip chip(job, memory, reduced, schatten);
    REAL *w = job.w + run * size, *m = job.m + run * size, *f = job.f + run * size;
    REAL log_m = job.log_scale[run], log_f = reduced ? job.log_f[run] : 0;
    EACH(o, size) {
        chip.w[o] = w[o], chip.m[o] = m[o];
        if (reduced) chip.f[o] = f[o];
    }
    __syncthreads();
    for (int t = 0; t < job.steps; t++) {
        const long long step = job.first + t, j = step % per_epoch;
        const long long *rows = per_epoch == 1 ? nullptr : job.orders + step / per_epoch * job.n + j * job.b;
        const Signal fresh = signal(job, chip, rows, reduced, j == 0, log_f);
        log_m = average(job, chip, fresh, beta, log_m);
        if (schatten) schatten_step(job, chip, q, cut, rates[t]);
        else entrywise_step(job, chip, q, rates[t]);
    }
    EACH(o, size) {
        w[o] = chip.w[o], m[o] = chip.m[o];
        if (reduced) f[o] = chip.f[o];
    }
    if (threadIdx.x == 0) {
        job.log_scale[run] = log_m;
        if (reduced) job.log_f[run] = log_f;
    }
}
