/* oneDNN 2's C interface. Without the library every function says so or does nothing. */
#include "onednn.h"

#ifdef HAVE_ONEDNN

#include <dlfcn.h>
#include <dnnl.h>
#include <stdlib.h>

enum { X, WEIGHTS, BIAS, Y, MEMORIES };

struct onednn_conv {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[MEMORIES];
    dnnl_memory_desc_t plain[MEMORIES];
    int threads;
};

bool stoa_bench_onednn_present(void)
{
    return true;
}

/* oneDNN shares its work out by OpenMP, whose library comes with it: this is the calling thread's setting there. */
static void set_threads(int threads)
{
    union {
        void *symbol;
        void (*call)(int);
    } function = {.symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads")};
    if (function.symbol)
        function.call(threads);
}

static int failed(dnnl_status_t status)
{
    return status != dnnl_success;
}

/* Converts between two memories of the same tensor. */
static int reorder(struct onednn_conv *conv, dnnl_memory_t from, const dnnl_memory_desc_t *from_desc, dnnl_memory_t to,
                   const dnnl_memory_desc_t *to_desc)
{
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    if (failed(dnnl_reorder_primitive_desc_create(&desc, from_desc, conv->engine, to_desc, conv->engine, NULL)))
        return -1;
    int status = failed(dnnl_primitive_create(&primitive, desc)) ? -1 : 0;
    dnnl_primitive_desc_destroy(desc);
    if (status)
        return status;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    status = failed(dnnl_primitive_execute(primitive, conv->stream, 2, args)) || failed(dnnl_stream_wait(conv->stream));
    dnnl_primitive_destroy(primitive);
    return status ? -1 : 0;
}

static int describe(const struct conv_shape *s, struct onednn_conv *conv, dnnl_memory_desc_t any[MEMORIES])
{
    const dnnl_dim_t N = (dnnl_dim_t)s->N, C = (dnnl_dim_t)s->C, OC = (dnnl_dim_t)s->OC, g = (dnnl_dim_t)s->groups;
    const dnnl_dim_t kh = (dnnl_dim_t)s->kernel[0], kw = (dnnl_dim_t)s->kernel[1];
    dnnl_dims_t x = {N, C, (dnnl_dim_t)s->H, (dnnl_dim_t)s->W}, y = {N, OC, (dnnl_dim_t)s->OH, (dnnl_dim_t)s->OW};
    dnnl_dims_t dense = {OC, C, kh, kw}, grouped = {g, OC / g, C / g, kh, kw}, bias = {OC};
    const int rank = g > 1 ? 5 : 4;
    int status = 0;
    for (int plain = 0; plain < 2; plain++) {
        dnnl_memory_desc_t *to = plain ? conv->plain : any;
        status |= failed(dnnl_memory_desc_init_by_tag(&to[X], 4, x, dnnl_f32, plain ? dnnl_nchw : dnnl_format_tag_any));
        status |= failed(dnnl_memory_desc_init_by_tag(&to[Y], 4, y, dnnl_f32, plain ? dnnl_nchw : dnnl_format_tag_any));
        status |= failed(dnnl_memory_desc_init_by_tag(&to[BIAS], 1, bias, dnnl_f32, dnnl_a));
        status |= failed(dnnl_memory_desc_init_by_tag(&to[WEIGHTS], rank, g > 1 ? grouped : dense, dnnl_f32,
                                                      !plain ? dnnl_format_tag_any : (g > 1 ? dnnl_abcde : dnnl_abcd)));
    }
    return status;
}

static int fill(struct onednn_conv *conv, dnnl_primitive_desc_t desc, const float *const source[MEMORIES])
{
    static const dnnl_query_t queries[MEMORIES] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_weights_md,
                                                   dnnl_query_dst_md};
    static const int indices[MEMORIES] = {0, 0, 1, 0};
    for (int i = 0; i < MEMORIES; i++) {
        const dnnl_memory_desc_t *own = dnnl_primitive_desc_query_md(desc, queries[i], indices[i]);
        if (failed(dnnl_memory_create(&conv->memory[i], own, conv->engine, DNNL_MEMORY_ALLOCATE)))
            return -1;
        if (!source[i])
            continue;
        dnnl_memory_t plain;
        if (failed(dnnl_memory_create(&plain, &conv->plain[i], conv->engine, (void *)(size_t)source[i])))
            return -1;
        int status = reorder(conv, plain, &conv->plain[i], conv->memory[i], own);
        dnnl_memory_destroy(plain);
        if (status)
            return status;
    }
    return 0;
}

static int prepare(struct onednn_conv *conv, const struct conv_shape *s, enum onednn_algorithm algorithm,
                   const float *const source[MEMORIES])
{
    if (failed(dnnl_engine_create(&conv->engine, dnnl_cpu, 0)) ||
        failed(dnnl_stream_create(&conv->stream, conv->engine, dnnl_stream_default_flags)))
        return -1;
    dnnl_memory_desc_t any[MEMORIES];
    dnnl_dims_t stride = {(dnnl_dim_t)s->stride[0], (dnnl_dim_t)s->stride[1]};
    dnnl_dims_t before = {(dnnl_dim_t)s->pad[0], (dnnl_dim_t)s->pad[1]};
    dnnl_dims_t after = {(dnnl_dim_t)s->pad[2], (dnnl_dim_t)s->pad[3]};
    dnnl_convolution_desc_t convolution;
    dnnl_primitive_desc_t desc;
    if (describe(s, conv, any) ||
        failed(dnnl_convolution_forward_desc_init(
            &convolution, dnnl_forward_inference,
            algorithm == ONEDNN_WINOGRAD ? dnnl_convolution_winograd : dnnl_convolution_direct, &any[X], &any[WEIGHTS],
            &any[BIAS], &any[Y], stride, before, after)) ||
        failed(dnnl_primitive_desc_create(&desc, &convolution, NULL, conv->engine, NULL)))
        return -1;
    int status = failed(dnnl_primitive_create(&conv->primitive, desc)) ? -1 : fill(conv, desc, source);
    dnnl_primitive_desc_destroy(desc);
    return status;
}

struct onednn_conv *stoa_bench_onednn_create(const struct conv_shape *shape, enum onednn_algorithm algorithm,
                                             size_t threads, const float *x, const float *weights, const float *bias)
{
    struct onednn_conv *conv = calloc(1, sizeof *conv);
    if (!conv)
        return NULL;
    conv->threads = (int)threads;
    set_threads(conv->threads);
    if (prepare(conv, shape, algorithm, (const float *const[MEMORIES]){x, weights, bias, NULL}) == 0)
        return conv;
    stoa_bench_onednn_free(conv);
    return NULL;
}

void stoa_bench_onednn_run(struct onednn_conv *conv)
{
    set_threads(conv->threads);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, conv->memory[X]},
                              {DNNL_ARG_WEIGHTS, conv->memory[WEIGHTS]},
                              {DNNL_ARG_BIAS, conv->memory[BIAS]},
                              {DNNL_ARG_DST, conv->memory[Y]}};
    dnnl_primitive_execute(conv->primitive, conv->stream, MEMORIES, args);
    dnnl_stream_wait(conv->stream);
}

void stoa_bench_onednn_result(struct onednn_conv *conv, float *y)
{
    dnnl_memory_t plain;
    const dnnl_memory_desc_t *own;
    if (failed(dnnl_memory_get_memory_desc(conv->memory[Y], &own)) ||
        failed(dnnl_memory_create(&plain, &conv->plain[Y], conv->engine, y)))
        return;
    reorder(conv, conv->memory[Y], own, plain, &conv->plain[Y]);
    dnnl_memory_destroy(plain);
}

void stoa_bench_onednn_free(struct onednn_conv *conv)
{
    if (!conv)
        return;
    for (int i = 0; i < MEMORIES; i++)
        if (conv->memory[i])
            dnnl_memory_destroy(conv->memory[i]);
    if (conv->primitive)
        dnnl_primitive_destroy(conv->primitive);
    if (conv->stream)
        dnnl_stream_destroy(conv->stream);
    if (conv->engine)
        dnnl_engine_destroy(conv->engine);
    free(conv);
}

#else

bool stoa_bench_onednn_present(void)
{
    return false;
}

struct onednn_conv *stoa_bench_onednn_create(const struct conv_shape *shape, enum onednn_algorithm algorithm,
                                             size_t threads, const float *x, const float *weights, const float *bias)
{
    (void)shape;
    (void)algorithm;
    (void)threads;
    (void)x;
    (void)weights;
    (void)bias;
    return NULL;
}

void stoa_bench_onednn_run(struct onednn_conv *conv)
{
    (void)conv;
}

void stoa_bench_onednn_result(struct onednn_conv *conv, float *y)
{
    (void)conv;
    (void)y;
}

void stoa_bench_onednn_free(struct onednn_conv *conv)
{
    (void)conv;
}

#endif
