// Steepest descent: a thread block per run, many steps per launch.  Plain CUDA C++ without headers; host.cpp compiles the same text for the CPU.
//
// W, M (the average), G and, with variance reduction, the gradient F at the epoch's first iterate are k x d matrices in shared memory.
// What decays like exp(-margin) is kept as value * exp(log scale), a scale per class, as in lanes.py; the largest entry of a row of M is 1.
// Every sum is cut into a fixed number of parts, so results have the same bits for any number of threads.

#ifndef REAL
#define REAL double
#endif

#define EACH(i, count) for (int i = threadIdx.x; i < (count); i += blockDim.x)

constexpr int PARTS = 64;      // of a reduction over a matrix
constexpr int ROW_PARTS = 8;   // of a reduction over a row
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
    REAL *w, *m, *log_m;     // (runs, k, d) twice, (runs, k): carried from launch to launch
    REAL *f, *log_f, *kept;  // (runs, k, d), (runs, k), (runs, n, k): gradient and residuals at the epoch's first iterate
    REAL *spill;             // (runs, b, k): residuals of the batch, where they do not fit on the chip
    long long n, d, k, b, steps, first, exponential, on_chip; // first: of the launch, within its epoch
};

// The shared memory of a block; backend.shared_numbers counts the same pieces.  Entry o of a matrix is written by one and the same thread in
// every EACH over (k, d) or over its size: only reading other entries needs a barrier.
struct Chip {
    REAL *w, *m, *g, *parts, *f, *turn, *sigma, *angle, *z;
    REAL *log_m, *log_f, *log_g, *keep, *fresh, *share; // (k): log scales; weights of M, of the gradient and, in it, of F
    REAL *top, *log_rise, *rise;                         // (k): largest entry of a row of M, its scale beside the largest of all rows

    __device__ Chip(const Job &job, REAL *next, bool reduced, bool schatten) {
        const int size = job.k * job.d, pairs = job.k / 2;
        auto take = [&](int count) { REAL *here = next; next += count; return here; };
        w = take(size), m = take(size), g = take(size);
        parts = take(pairs * 3 * ROW_PARTS > PARTS ? pairs * 3 * ROW_PARTS : PARTS);
        log_m = take(job.k), log_f = take(job.k), log_g = take(job.k), keep = take(job.k), fresh = take(job.k), share = take(job.k);
        top = take(job.k), log_rise = take(job.k), rise = take(job.k);
        f = take(reduced ? size : 0);
        turn = take(schatten ? (job.k - 1) * job.k : 0);
        sigma = take(schatten ? 2 * (job.k - 1) : 0);
        angle = take(schatten ? 3 * pairs : 0);
        z = job.on_chip ? take(job.b * job.k) : job.spill + blockIdx.x * job.b * job.k;
    }
};

__device__ REAL nothing() { return log(REAL(0)); } // -inf, the log scale of zero
__device__ REAL power(REAL x, REAL e) { return e == 0 ? REAL(1) : e == 1 ? x : pow(x, e); }
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

// out[c] = the largest of term(c, 0), ..., term(c, count - 1) and, unless null, floor[c].
template <class Term> __device__ void largest_by_class(REAL *parts, int k, int count, const REAL *floor, Term term, REAL *out) {
    EACH(o, k * ROW_PARTS) {
        REAL result = nothing();
        for (int i = o % ROW_PARTS; i < count; i += ROW_PARTS) result = fmax(result, term(o / ROW_PARTS, i));
        parts[o] = result;
    }
    __syncthreads();
    EACH(c, k) {
        REAL result = floor ? floor[c] : nothing();
        for (int p = 0; p < ROW_PARTS; p++) result = fmax(result, parts[c * ROW_PARTS + p]);
        out[c] = result;
    }
    __syncthreads();
}

// dl/dz of `count` samples into z (count, k), as value * exp(scale[c]), scale[c] >= floor[c] unless null.  rows: null for all samples.
// No cancellation: with `others` = logsumexp of the other classes, log |dl/dz| is a sum, and only the own class has a minus.
__device__ void residuals(const Job &job, const Chip &chip, const long long *rows, int count, const REAL *floor, REAL *z, REAL *scale) {
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
        for (int c = 0; c < k; c++) if (c != own) total += exp(row[c] - top);
        const REAL others = top + log(total), margin = row[own] - others;
        const REAL log_r = job.exponential ? -margin : -fmax(margin, REAL(0)) - log1p(exp(-fabs(margin)));
        for (int c = 0; c < k; c++) row[c] = c == own ? log_r : row[c] - others + log_r;
    }
    __syncthreads();
    largest_by_class(chip.parts, k, count, floor, [&](int c, int i) { return z[i * k + c]; }, scale);
    EACH(o, count * k) {
        const REAL value = exp(z[o] - scale[o % k]);
        z[o] = o % k == job.y[sample(o / k)] ? -value : value;
    }
    __syncthreads();
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

// The gradient of this step: (G + share F) exp(log_g), with share = 0 unless variance is reduced.
__device__ void signal(const Job &job, const Chip &chip, const long long *rows, bool reduced, bool opening) {
    const int k = job.k, b = job.b;
    REAL *kept = job.kept + blockIdx.x * job.n * k;
    if (reduced && opening) { // at the snapshot itself the correction cancels exactly, not just up to rounding
        residuals(job, chip, nullptr, job.n, nullptr, kept, chip.log_f);
        mean_product(job, kept, nullptr, job.n, chip.f);
        EACH(o, k * job.d) chip.g[o] = 0;
        EACH(c, k) chip.log_g[c] = chip.log_f[c], chip.share[c] = 1;
        return;
    }
    residuals(job, chip, rows, b, reduced ? chip.log_f : nullptr, chip.z, chip.log_g);
    EACH(c, k) chip.share[c] = reduced ? exp(chip.log_f[c] - chip.log_g[c]) : 0;
    if (reduced) {
        __syncthreads();
        EACH(o, b * k) chip.z[o] -= chip.share[o % k] * kept[rows[o / k] * k + o % k];
        __syncthreads();
    }
    mean_product(job, chip.z, rows, b, chip.g);
}

// M = beta M + (1 - beta) gradient, each row on the larger of its two scales and then divided by its largest entry.
__device__ void average(const Job &job, const Chip &chip, REAL beta) {
    const int k = job.k, d = job.d;
    REAL *top = chip.top;
    EACH(c, k) {
        const REAL old = beta > 0 ? chip.log_m[c] : nothing(), scale = fmax(old, chip.log_g[c]);
        chip.keep[c] = beta * exp(old - scale), chip.fresh[c] = (1 - beta) * exp(chip.log_g[c] - scale);
        chip.log_m[c] = scale;
    }
    __syncthreads();
    EACH(o, k * d) {
        const int c = o / d;
        const REAL now = chip.g[o] + (chip.share[c] ? chip.share[c] * chip.f[o] : 0);
        chip.m[o] = (chip.keep[c] ? chip.keep[c] * chip.m[o] : 0) + chip.fresh[c] * now;
    }
    __syncthreads();
    largest_by_class(chip.parts, k, d, nullptr, [&](int c, int j) { return fabs(chip.m[c * d + j]); }, top);
    EACH(c, k) chip.log_m[c] = top[c] > 0 ? chip.log_m[c] + log(top[c]) : nothing();
    EACH(o, k * d) if (top[o / d] > 0) chip.m[o] /= top[o / d];
    __syncthreads();
    EACH(c, k) {
        REAL best = nothing();
        for (int i = 0; i < k; i++) best = fmax(best, chip.log_m[i]);
        chip.log_rise[c] = best > nothing() ? chip.log_m[c] - best : 0;
        chip.rise[c] = exp(chip.log_rise[c]);
    }
    __syncthreads();
}

// W -= eta * steepest(M) for the entry-wise norm of conjugate exponent q: sign(m) (|m| / ||m||_q)^(q-1), or the first largest entry.
__device__ void entrywise_step(const Job &job, const Chip &chip, REAL q, REAL eta) {
    const int d = job.d, size = job.k * job.d;
    const REAL *m = chip.m, *rise = chip.rise;
    // a small power of an entry counts even where the entry, on the scale of the largest, is below any number
    auto raised = [&](int o, REAL e) {
        if (q < 2) return e == 0 ? REAL(1) : exp(e * (log(fabs(m[o])) + chip.log_rise[o / d]));
        return power(fabs(m[o]) * rise[o / d], e);
    };
    if (isinf(q)) {
        const REAL last = largest(chip.parts, size, [&](int o) { return fabs(m[o]) * rise[o / d] == 1 ? -REAL(o) : nothing(); });
        if (threadIdx.x == 0 && last > nothing()) chip.w[int(-last)] -= eta * sign(m[int(-last)]);
    } else {
        const REAL total = q == 1 ? 1 : sum(chip.parts, size, [&](int o) { return raised(o, q); });
        const REAL length = total > 0 ? pow(total, (q - 1) / q) : 1;
        EACH(o, size) chip.w[o] -= eta * sign(m[o]) * raised(o, q - 1) / length;
    }
    __syncthreads();
}

// Pair h of a round in which every row meets one other: one stays, the others go round a circle.  False where a row of an odd count rests.
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
            EACH(o, pairs * ROW_PARTS) if (meeting(count, round, o / ROW_PARTS, p, r)) {
                REAL pp = 0, pr = 0, rr = 0;
                for (int j = o % ROW_PARTS; j < d; j += ROW_PARTS) {
                    const REAL a = g[p * d + j], b = g[r * d + j];
                    pp += a * a, pr += a * b, rr += b * b;
                }
                parts[3 * o] = pp, parts[3 * o + 1] = pr, parts[3 * o + 2] = rr;
            }
            __syncthreads();
            EACH(h, pairs) {
                REAL pp = 0, pr = 0, rr = 0, cosine = 1, sine = 0, unsettled = 0;
                if (meeting(count, round, h, p, r)) {
                    for (int o = 3 * h * ROW_PARTS; o < 3 * (h + 1) * ROW_PARTS; o += 3) pp += parts[o], pr += parts[o + 1], rr += parts[o + 2];
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
        for (int c = 0; c < k; c++) total += chip.turn[o / d * k + c] * chip.rise[c] * chip.m[c * d + o % d];
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
        for (int i = 0; i < count && !isinf(q); i++) if (sigma[i] > cut * top) total += power(sigma[i] / top, q);
        const REAL f = isinf(q) ? s == best : power(share, q - 1) / pow(total, (q - 1) / q);
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
    REAL *log_m = job.log_m + run * job.k, *log_f = job.log_f + run * job.k;
    EACH(o, size) {
        chip.w[o] = w[o], chip.m[o] = m[o];
        if (reduced) chip.f[o] = f[o];
    }
    EACH(c, job.k) chip.log_m[c] = log_m[c], chip.log_f[c] = log_f[c];
    __syncthreads();
    for (int t = 0; t < job.steps; t++) {
        const long long step = job.first + t, j = step % per_epoch;
        const long long *rows = per_epoch == 1 ? nullptr : job.orders + step / per_epoch * job.n + j * job.b;
        signal(job, chip, rows, reduced, j == 0);
        average(job, chip, beta);
        if (schatten) schatten_step(job, chip, q, cut, rates[t]);
        else entrywise_step(job, chip, q, rates[t]);
    }
    EACH(o, size) {
        w[o] = chip.w[o], m[o] = chip.m[o];
        if (reduced) f[o] = chip.f[o];
    }
    EACH(c, job.k) log_m[c] = chip.log_m[c], log_f[c] = chip.log_f[c];
}
