// Pillow's resampling of 8-bit pictures, to the byte: Image.resize(size, filter, box=box), some five times as fast.
//
// Each pass weighs whole numbers by weights of 22 binary places, rounds, and cuts to 0..255. Here a weight is taken
// apart into two halves of 11 bits, so that a pair of products and their sum are one instruction for each half; the
// sums are put together again, and no bit is lost. resample.py says when this is used; webpage/web/resample.js is the
// same for the page.
//
// Nothing is called from outside, not even the C library, so that the result runs wherever its processor does: memory
// is handed in.
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define WITH_AVX2 1
#else
#define WITH_AVX2 0
#endif

enum { PLACES = 22, HALF_PLACES = 11, GROUP = 4, SPARE = 64 };
enum { BOX, BILINEAR, BICUBIC };

// What one output pixel, along one axis, is made of.
typedef struct {
    int32_t first, count;
} Place;

// One axis: for each of `count` output pixels its place, `most` weights, and the same weights as the instructions of
// the pass along rows take them (`groups` times 16 halves, high then low).
typedef struct {
    int32_t count, most, groups;
    Place *places;
    int32_t *weights;
    int16_t *halves;
} Axis;

static double bent(int filter, double x) {
    if (filter == BOX) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    if (x < 0) x = -x;
    if (filter == BILINEAR) return x < 1 ? 1 - x : 0.0;
    if (x < 1) return ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1;  // Keys (1981), a = -0.5
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0.0;
}

static double reach(int filter) { return filter == BOX ? 0.5 : filter == BILINEAR ? 1.0 : 2.0; }

static double stretch(float from, float to, int count) {
    double scale = (double)(to - from) / count;
    return scale < 1 ? 1 : scale;
}

static int most_weights(float from, float to, int count, int filter) {
    double support = reach(filter) * stretch(from, to, count);
    int whole = (int)support;
    return 2 * (whole + (whole < support)) + 1;
}

static void weigh(Axis *axis, int size, float from, float to, int filter) {
    double scale = (double)(to - from) / axis->count, wide = stretch(from, to, axis->count);
    double support = reach(filter) * wide, narrow = 1.0 / wide;
    for (int at = 0; at < axis->count; at++) {
        double centre = from + (at + 0.5) * scale, sum = 0;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        if (first < 0) first = 0;
        if (end > size) end = size;
        int32_t *weights = axis->weights + (int64_t)at * axis->most;
        for (int i = first; i < end; i++) sum += bent(filter, (i - centre + 0.5) * narrow);
        for (int i = 0; i < end - first; i++) {
            double weight = bent(filter, (i + first - centre + 0.5) * narrow);
            if (sum != 0) weight /= sum;
            weights[i] = (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << PLACES));
        }
        axis->places[at] = (Place){first, end - first};
    }
}

// The weights of groups of four pixels, as `along_rows_avx2` multiplies them: pairs of pixels for each of three colours.
static void halve(Axis *axis) {
    for (int at = 0; at < axis->count; at++) {
        const int32_t *weights = axis->weights + (int64_t)at * axis->most;
        int16_t *halves = axis->halves + (int64_t)at * axis->groups * 32;
        const int count = axis->places[at].count;
        for (int pixel = 0; pixel < ((count + GROUP - 1) & -GROUP); pixel++) {
            int32_t weight = pixel < count ? weights[pixel] : 0;
            int16_t *lane = halves + pixel / GROUP * 32 + pixel / 2 % 2 * 8 + pixel % 2;
            for (int colour = 0; colour < 4; colour++) {
                lane[2 * colour] = (int16_t)(weight >> HALF_PLACES);
                lane[16 + 2 * colour] = (int16_t)(weight & ((1 << HALF_PLACES) - 1));
            }
        }
    }
}

// The weights of pairs of rows, as `along_columns_avx2` multiplies them: of each pair the high halves, then the low ones.
static void pair(Axis *axis) {
    for (int at = 0; at < axis->count; at++) {
        const int32_t *weights = axis->weights + (int64_t)at * axis->most;
        int16_t *halves = axis->halves + (int64_t)at * axis->groups * 32;
        for (int i = 0; i < axis->places[at].count + 1; i++) {
            const int32_t weight = i < axis->places[at].count ? weights[i] : 0;
            halves[i / 2 * 4 + i % 2] = (int16_t)(weight >> HALF_PLACES);
            halves[i / 2 * 4 + 2 + i % 2] = (int16_t)(weight & ((1 << HALF_PLACES) - 1));
        }
    }
}

static uint8_t cut(int32_t sum) {
    int32_t level = sum >> PLACES;
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

// --- along rows: (rows, width, channels) -> (rows, count, channels) ---------------------------------------------------

static void along_row(const uint8_t *from, uint8_t *to, const Axis *axis, int channels) {
    for (int at = 0; at < axis->count; at++) {
        const int32_t *weights = axis->weights + (int64_t)at * axis->most;
        const Place place = axis->places[at];
        for (int channel = 0; channel < channels; channel++) {
            const uint8_t *pixel = from + (int64_t)place.first * channels + channel;
            int32_t sum = 1 << (PLACES - 1);
            for (int i = 0; i < place.count; i++) sum += pixel[(int64_t)i * channels] * weights[i];
            *to++ = cut(sum);
        }
    }
}

#if WITH_AVX2
// Two rows of three colours at once. Reads up to 16 bytes behind a row, and writes one byte behind each.
__attribute__((target("avx2"))) static void along_two_rows(const uint8_t *from, int64_t step, uint8_t *to,
                                                           int64_t to_step, const Axis *axis) {
    const __m256i spread = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                            6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m128i half = _mm_set1_epi32(1 << (PLACES - 1));
    for (int at = 0; at < axis->count; at++) {
        const Place place = axis->places[at];
        const int16_t *halves = axis->halves + (int64_t)at * axis->groups * 32;
        const uint8_t *pixel = from + (int64_t)place.first * 3;
        __m256i high = _mm256_setzero_si256(), low = high, other_high = high, other_low = high;
        for (int done = 0; done < place.count; done += GROUP, pixel += 3 * GROUP, halves += 32) {
            const __m256i above = _mm256_loadu_si256((const __m256i *)halves);
            const __m256i below = _mm256_loadu_si256((const __m256i *)(halves + 16));
            __m256i some = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)pixel));
            some = _mm256_shuffle_epi8(some, spread);
            high = _mm256_add_epi32(high, _mm256_madd_epi16(some, above));
            low = _mm256_add_epi32(low, _mm256_madd_epi16(some, below));
            some = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(pixel + step)));
            some = _mm256_shuffle_epi8(some, spread);
            other_high = _mm256_add_epi32(other_high, _mm256_madd_epi16(some, above));
            other_low = _mm256_add_epi32(other_low, _mm256_madd_epi16(some, below));
        }
        high = _mm256_add_epi32(_mm256_slli_epi32(high, HALF_PLACES), low);
        other_high = _mm256_add_epi32(_mm256_slli_epi32(other_high, HALF_PLACES), other_low);
        __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
        __m128i other = _mm_add_epi32(_mm256_castsi256_si128(other_high), _mm256_extracti128_si256(other_high, 1));
        sum = _mm_srai_epi32(_mm_add_epi32(sum, half), PLACES);
        other = _mm_srai_epi32(_mm_add_epi32(other, half), PLACES);
        sum = _mm_packs_epi32(sum, other);
        sum = _mm_packus_epi16(sum, sum);
        _mm_storeu_si32(to + 3 * at, sum);
        _mm_storeu_si32(to + to_step + 3 * at, _mm_srli_si128(sum, 4));
    }
}
#endif

// --- along columns: (height, length) -> (count, length) ---------------------------------------------------------------

static void along_column(const uint8_t *from, int64_t step, uint8_t *to, const int32_t *weights, int count, int length) {
    for (int at = 0; at < length; at++) {
        int32_t sum = 1 << (PLACES - 1);
        for (int i = 0; i < count; i++) sum += from[i * step + at] * weights[i];
        to[at] = cut(sum);
    }
}

#if WITH_AVX2
// Sixteen bytes at a time, of two rows together; an odd last row is its own partner, with no weight.
__attribute__((target("avx2"))) static void along_columns_avx2(const uint8_t *from, int64_t step, uint8_t *to,
                                                               const int32_t *weights, const int32_t *pairs, int count,
                                                               int length) {
    const __m256i half = _mm256_set1_epi32(1 << (PLACES - 1));
    for (int at = 0; at + 16 <= length; at += 16) {
        __m256i high[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, low[2] = {half, half};
        for (int i = 0; i < count; i += 2) {
            const uint8_t *row = from + i * step + at;
            const __m256i above = _mm256_set1_epi32(pairs[i]), below = _mm256_set1_epi32(pairs[i + 1]);
            const __m128i upper = _mm_loadu_si128((const __m128i *)row);
            const __m128i lower = _mm_loadu_si128((const __m128i *)(row + (i + 1 < count ? step : 0)));
            const __m256i left = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(upper, lower));
            const __m256i right = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(upper, lower));
            high[0] = _mm256_add_epi32(high[0], _mm256_madd_epi16(left, above));
            high[1] = _mm256_add_epi32(high[1], _mm256_madd_epi16(right, above));
            low[0] = _mm256_add_epi32(low[0], _mm256_madd_epi16(left, below));
            low[1] = _mm256_add_epi32(low[1], _mm256_madd_epi16(right, below));
        }
        __m256i left = _mm256_add_epi32(_mm256_slli_epi32(high[0], HALF_PLACES), low[0]);
        __m256i right = _mm256_add_epi32(_mm256_slli_epi32(high[1], HALF_PLACES), low[1]);
        left = _mm256_packs_epi32(_mm256_srai_epi32(left, PLACES), _mm256_srai_epi32(right, PLACES));
        left = _mm256_permute4x64_epi64(left, 0xd8);  // packing works on each half of the register alone
        const __m128i levels = _mm_packus_epi16(_mm256_castsi256_si128(left), _mm256_extracti128_si256(left, 1));
        _mm_storeu_si128((__m128i *)(to + at), levels);
    }
    const int done = length & ~15;
    along_column(from + done, step, to + done, weights, count, length - done);
}
#endif

static int fast(void) {
#if WITH_AVX2
    return __builtin_cpu_supports("avx2");
#else
    return 0;
#endif
}

static void copy(const uint8_t *from, uint8_t *to, int64_t count) {
    for (int64_t at = 0; at < count; at++) to[at] = from[at];
}

// Rows first..first+rows of a picture, `step` bytes apart, `last` of them the last that is there; results `to_step`
// apart, with room for a byte behind each row. spare: room for a row, padded.
static void along_rows(const uint8_t *from, int64_t step, int rows, int width, int channels, const Axis *axis,
                       uint8_t *to, int64_t to_step, uint8_t *spare) {
    int row = 0;
#if WITH_AVX2
    if (channels == 3 && step >= 16 && fast()) {
        for (; row + 3 <= rows; row += 2) along_two_rows(from + row * step, step, to + row * to_step, to_step, axis);
        for (; row < rows; row++) {  // the last rows are read from where there is something behind them
            copy(from + row * step, spare, (int64_t)width * 3);
            along_two_rows(spare, 0, to + row * to_step, 0, axis);
        }
    }
#endif
    for (; row < rows; row++) along_row(from + row * step, to + row * to_step, axis, channels);
}

static void along_columns(const uint8_t *from, int64_t step, const Axis *axis, int first, uint8_t *to, int64_t to_step,
                          int length) {
    for (int at = 0; at < axis->count; at++) {
        const int32_t *weights = axis->weights + (int64_t)at * axis->most;
        const Place place = axis->places[at];
        const uint8_t *rows = from + (place.first - first) * step;
#if WITH_AVX2
        if (fast()) {
            const int32_t *pairs = (const int32_t *)(axis->halves + (int64_t)at * axis->groups * 32);
            along_columns_avx2(rows, step, to + at * to_step, weights, pairs, place.count, length);
            continue;
        }
#endif
        along_column(rows, step, to + at * to_step, weights, place.count, length);
    }
}

// --- memory -----------------------------------------------------------------------------------------------------------

typedef struct {
    uint8_t *next;  // null: only counting
    int64_t used;
} Memory;

static void *taken(Memory *memory, int64_t bytes) {
    void *place = memory->next ? memory->next + memory->used : 0;
    memory->used += (bytes + SPARE + 63) & ~(int64_t)63;
    return place;
}

static Axis laid_out(Memory *memory, int count, float from, float to, int filter) {
    Axis axis = {.count = count, .most = most_weights(from, to, count, filter)};
    axis.groups = (axis.most + GROUP - 1) / GROUP;
    axis.places = taken(memory, (int64_t)count * sizeof(Place));
    axis.weights = taken(memory, (int64_t)count * axis.most * 4);
    axis.halves = taken(memory, (int64_t)count * axis.groups * 64);
    return axis;
}

// The part in box (left, top, right, bottom) of a picture (height, width, channels), without gaps, to out (rows, columns,
// channels). scratch: so many bytes as a call with scratch = 0 tells, which does nothing else.
__attribute__((visibility("default"))) int64_t foveate_resample(const uint8_t *picture, int32_t height, int32_t width, int32_t channels, const float *box,
                         int32_t filter, uint8_t *out, int32_t rows, int32_t columns, uint8_t *scratch) {
    Memory memory = {scratch, 0};
    Axis across = laid_out(&memory, columns, box[0], box[2], filter);
    Axis down = laid_out(&memory, rows, box[1], box[3], filter);
    // Since Pillow 13 columns come first where the height shrinks by far more pixels than the width.
    const int columns_first = height > rows && height - rows > 2 * (width - columns);
    const int64_t step = (int64_t)width * channels, out_step = (int64_t)columns * channels, padded = out_step + 1;
    uint8_t *between = taken(&memory, columns_first ? rows * step : height * padded);
    uint8_t *placed = taken(&memory, rows * padded), *spare = taken(&memory, step);
    if (!scratch) return memory.used;

    weigh(&across, width, box[0], box[2], filter);
    weigh(&down, height, box[1], box[3], filter);
    halve(&across);
    pair(&down);
    const int still_across = columns == width && box[0] == 0 && box[2] == columns;
    const int still_down = rows == height && box[1] == 0 && box[3] == rows;
    if (columns_first || still_across) {  // along columns, then along rows
        const uint8_t *some = picture;
        if (!still_down) {
            uint8_t *to = still_across ? out : between;
            along_columns(some, step, &down, 0, to, step, (int)step);
            some = to;
        }
        if (still_across) {
            if (still_down) copy(picture, out, rows * out_step);
            return 0;
        }
        along_rows(some, step, rows, width, channels, &across, placed, padded, spare);
        for (int row = 0; row < rows; row++) copy(placed + row * padded, out + row * out_step, out_step);
        return 0;
    }
    const int first = still_down ? 0 : down.places[0].first;
    const int end = still_down ? height : down.places[rows - 1].first + down.places[rows - 1].count;
    along_rows(picture + first * step, step, end - first, width, channels, &across, between, padded, spare);
    if (still_down)
        for (int row = 0; row < rows; row++) copy(between + row * padded, out + row * out_step, out_step);
    else
        along_columns(between, padded, &down, first, out, out_step, (int)out_step);
    return 0;
}
