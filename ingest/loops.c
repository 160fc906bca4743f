/* Loops over the pixels of a frame, compiled where a C compiler is at hand when cellkin is installed.

   Each returns what the NumPy that stands in for it returns, bit for bit: sums are in the same order, and nothing is
   contracted (-ffp-contract=off). Callers see to it that arrays are contiguous, and as long as is said (`loops.py`). */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { SIDE = 24 }; /* pixels of a crop's side */
const int64_t crop_side = SIDE;

/* Labels are unsigned integers of any width: equal ones are equal bits, whatever their sign. */
#define FOR_EACH_LABEL(DEFINE) DEFINE(8, uint8_t) DEFINE(16, uint16_t) DEFINE(32, uint32_t) DEFINE(64, uint64_t)

static int64_t least(int64_t one, int64_t other) { return one < other ? one : other; }

static uint64_t eight(const void *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static int are_blank(const char *bytes) { /* 64 of them */
    uint64_t any = 0;
    for (int i = 0; i < 64; i += 8) any |= eight(bytes + i);
    return any == 0;
}

/* The runs of one label, but for 0, in the rows of a (height, width) label image: pixels begin … end − 1, flattened.
   Returns how many there are; the first `room` are written. */
#define RUNS(BITS, LABEL)                                                                                     \
    int64_t runs_##BITS(const LABEL *labels, int64_t height, int64_t width, int64_t room, int64_t *begin,     \
                        int64_t *end) {                                                                       \
        int64_t count = 0;                                                                                    \
        for (int64_t row = 0; row < height; row++) {                                                          \
            int64_t at = row * width, stop = at + width;                                                      \
            for (;;) {                                                                                        \
                while (at + 512 / BITS <= stop && are_blank((const char *)(labels + at))) at += 512 / BITS;   \
                while (at + 64 / BITS <= stop && eight(labels + at) == 0) at += 64 / BITS;                    \
                while (at < stop && labels[at] == 0) at++;                                                    \
                if (at == stop) break;                                                                        \
                int64_t first = at++;                                                                         \
                while (at < stop && labels[at] == labels[first]) at++;                                        \
                if (count < room) begin[count] = first, end[count] = at;                                      \
                count++;                                                                                      \
            }                                                                                                 \
        }                                                                                                     \
        return count;                                                                                         \
    }
FOR_EACH_LABEL(RUNS)

/* Adds up `weight` over the border pixels of each cell, by 1 + 2·(border pixels beside) + 10·(those at the corners).
   A border pixel has anything but its own cell beside it, or no image. `owner` is the cell of each run, a row of
   `perimeter`, which is 0 at first; `is_border` is (height, width) of room. */
#define PERIMETERS(BITS, LABEL)                                                                               \
    void perimeters_##BITS(const LABEL *labels, int64_t height, int64_t width, int64_t runs,                  \
                           const int64_t *begin, const int64_t *end, const int64_t *owner,                    \
                           const double *weight, uint8_t *is_border, double *perimeter) {                     \
        for (int64_t run = 0; run < runs; run++) {                                                            \
            LABEL label = labels[begin[run]];                                                                 \
            int at_edge = begin[run] < width || begin[run] >= (height - 1) * width;                           \
            for (int64_t at = begin[run]; at < end[run]; at++)                                                \
                is_border[at] = at_edge || labels[at - width] != label || labels[at + width] != label;        \
            is_border[begin[run]] = is_border[end[run] - 1] = 1;                                              \
        }                                                                                                     \
        for (int64_t run = 0; run < runs; run++) {                                                            \
            LABEL label = labels[begin[run]];                                                                 \
            int64_t y = begin[run] / width;                                                                   \
            for (int64_t at = begin[run]; at < end[run]; at++) {                                              \
                if (!is_border[at]) continue;                                                                 \
                int64_t x = at - y * width;                                                                   \
                int code = -1; /* the pixel finds itself: + 2 */                                              \
                for (int64_t j = y - (y > 0); j <= least(y + 1, height - 1); j++)                             \
                    for (int64_t i = x - (x > 0); i <= least(x + 1, width - 1); i++)                          \
                        if (labels[j * width + i] == label && is_border[j * width + i])                       \
                            code += j == y || i == x ? 2 : 10;                                                \
                perimeter[owner[run]] += weight[code];                                                        \
            }                                                                                                 \
        }                                                                                                     \
    }
FOR_EACH_LABEL(PERIMETERS)

/* Images come as these, or as floating point numbers. */
#define FOR_EACH_PIXEL(DEFINE, FLOATING, NUMBER) DEFINE(uint8, uint8_t) DEFINE(uint16, uint16_t) DEFINE(FLOATING, NUMBER)

/* Mean and standard deviation of an image within each cell, by runs of known owner; both are 0 at first. */
#define INTENSITIES(NAME, PIXEL)                                                                              \
    void intensities_##NAME(const PIXEL *image, int64_t runs, const int64_t *begin, const int64_t *end,       \
                            const int64_t *owner, int64_t cells, const double *area, double *mean,            \
                            double *deviation) {                                                              \
        for (int64_t run = 0; run < runs; run++)                                                              \
            for (int64_t at = begin[run]; at < end[run]; at++) mean[owner[run]] += (double)image[at];         \
        for (int64_t cell = 0; cell < cells; cell++) mean[cell] /= area[cell];                                \
        for (int64_t run = 0; run < runs; run++)                                                              \
            for (int64_t at = begin[run]; at < end[run]; at++) {                                              \
                double off = (double)image[at] - mean[owner[run]];                                            \
                deviation[owner[run]] += off * off;                                                           \
            }                                                                                                 \
        for (int64_t cell = 0; cell < cells; cell++) deviation[cell] = sqrt(deviation[cell] / area[cell]);    \
    }
FOR_EACH_PIXEL(INTENSITIES, float64, double)

/* Means over squares of `block` pixels; the last row and column are repeated to fill theirs. `sums` is (width) of
   room. */
#define BLOCK_MEANS(NAME, PIXEL)                                                                              \
    void block_means_##NAME(const PIXEL *image, int64_t height, int64_t width, int64_t block, float *sums,    \
                            float *means) {                                                                   \
        int64_t whole = width - width % block;                                                                \
        float pixels = (float)(block * block);                                                                \
        for (int64_t y = 0; y < height; y += block) {                                                         \
            for (int64_t x = 0; x < width; x++) sums[x] = (float)image[y * width + x];                        \
            for (int64_t row = y + 1; row < y + block; row++) {                                               \
                const PIXEL *line = image + least(row, height - 1) * width;                                   \
                for (int64_t x = 0; x < width; x++) sums[x] += (float)line[x];                                \
            }                                                                                                 \
            for (int64_t x = 0; x < whole; x += block) {                                                      \
                float sum = sums[x];                                                                          \
                for (int64_t i = 1; i < block; i++) sum += sums[x + i];                                       \
                *means++ = sum / pixels;                                                                      \
            }                                                                                                 \
            if (whole < width) {                                                                              \
                float sum = sums[whole];                                                                      \
                for (int64_t x = whole + 1; x < whole + block; x++) sum += sums[least(x, width - 1)];         \
                *means++ = sum / pixels;                                                                      \
            }                                                                                                 \
        }                                                                                                     \
    }
FOR_EACH_PIXEL(BLOCK_MEANS, float32, float)

/* Where pixel i of a crop lies along one axis, in pixels of the movie. */
static double place_of(double middle, int i, double step) { return middle + (i - (SIDE - 1) / 2.0) * step; }

/* The block before each pixel of a crop, of `length` along the axis, and how far past its middle the pixel lies. */
static void between(double middle, double step, int64_t block, int64_t length, int64_t *before, float *past) {
    for (int i = 0; i < SIDE; i++) {
        double position = (place_of(middle, i, step) + 0.5) / (double)block - 0.5, last = (double)(length - 1);
        position = position < 0 ? 0 : position > last ? last : position;
        before[i] = (int64_t)position;
        past[i] = (float)(position - (double)before[i]);
    }
}

/* The first plane of each (2, SIDE, SIDE) crop: the image, linear between the (height, width) means of its blocks.
   `place` is (cells, 2) centroids y, x. */
void crop_images(const float *means, int64_t height, int64_t width, int64_t block, int64_t cells,
                 const double *place, double step, float *crops) {
    int64_t row[SIDE], column[SIDE];
    float below[SIDE], right[SIDE];
    for (int64_t cell = 0; cell < cells; cell++) {
        float *image = crops + 2 * cell * SIDE * SIDE;
        between(place[2 * cell], step, block, height, row, below);
        between(place[2 * cell + 1], step, block, width, column, right);
        for (int j = 0; j < SIDE; j++) {
            const float *upper = means + row[j] * width, *lower = means + least(row[j] + 1, height - 1) * width;
            for (int i = 0; i < SIDE; i++) {
                int64_t x = column[i], next = least(x + 1, width - 1);
                float over = upper[x] + (upper[next] - upper[x]) * right[i];
                float under = lower[x] + (lower[next] - lower[x]) * right[i];
                image[j * SIDE + i] = over + (under - over) * below[j];
            }
        }
    }
}

/* The pixel nearest to each of a crop along one axis, −1 beyond the `length` there are. */
static void nearest(double middle, double step, int64_t length, int64_t *pixel) {
    for (int i = 0; i < SIDE; i++) {
        double place = nearbyint(place_of(middle, i, step));
        pixel[i] = place >= 0 && place < (double)length ? (int64_t)place : -1;
    }
}

/* The second plane of each: 1 where the nearest pixel has the cell's label, −1 another, 0 none or no image. */
#define CROP_MASKS(BITS, LABEL)                                                                               \
    void crop_masks_##BITS(const LABEL *labels, int64_t height, int64_t width, int64_t cells,                 \
                           const int64_t *label, const double *place, double step, float *crops) {            \
        int64_t row[SIDE], column[SIDE];                                                                      \
        for (int64_t cell = 0; cell < cells; cell++) {                                                        \
            float *mask = crops + (2 * cell + 1) * SIDE * SIDE;                                               \
            nearest(place[2 * cell], step, height, row);                                                      \
            nearest(place[2 * cell + 1], step, width, column);                                                \
            LABEL own = (LABEL)label[cell];                                                                   \
            int is_held = (int64_t)own == label[cell]; /* by an image of such labels */                       \
            for (int j = 0; j < SIDE; j++)                                                                    \
                for (int i = 0; i < SIDE; i++) {                                                              \
                    int is_inside = row[j] >= 0 && column[i] >= 0;                                            \
                    LABEL found = is_inside ? labels[row[j] * width + column[i]] : 0;                         \
                    mask[j * SIDE + i] = (float)(2 * (is_held && found == own) - (found != 0));               \
                }                                                                                             \
        }                                                                                                     \
    }
FOR_EACH_LABEL(CROP_MASKS)
