/* Functions of one float, over contiguous arrays: y[i] <- f(x[i]), i < count. y may be x. All of them give NaN for NaN,
 * and the right limits at infinity. Each element is computed alone and the same way on every CPU, so results do not
 * depend on how an array is cut or on the vector width. */
#ifndef STOA_KERNELS_ACTIVATION_H
#define STOA_KERNELS_ACTIVATION_H

#include <stddef.h>

/* alpha and beta are the function's constants where it has any. */
typedef void (*activation)(size_t count, float alpha, float beta, const float *x, float *y);

void stoa_relu(size_t count, float alpha, float beta, const float *x, float *y);       /* x < 0 ? 0 : x */
void stoa_clip(size_t count, float least, float most, const float *x, float *y);       /* min(max(x, least), most) */
void stoa_leaky_relu(size_t count, float alpha, float beta, const float *x, float *y); /* x < 0 ? alpha*x : x */
void stoa_sqrt(size_t count, float alpha, float beta, const float *x, float *y);
/* max(0, min(1, alpha*x + beta)), and x times that. */
void stoa_hard_sigmoid(size_t count, float alpha, float beta, const float *x, float *y);
void stoa_hard_swish(size_t count, float alpha, float beta, const float *x, float *y);

/* Those below rest on one e^x (see activation.c). The largest errors over all floats, in units of the last place: exp
 * 1.1, elu 1.2, sigmoid 2.4, tanh 2.5, softplus 2.8. */
void stoa_exp(size_t count, float alpha, float beta, const float *x, float *y);     /* e^x */
void stoa_sigmoid(size_t count, float alpha, float beta, const float *x, float *y); /* 1 / (1 + e^-x) */
void stoa_tanh(size_t count, float alpha, float beta, const float *x, float *y);
void stoa_softplus(size_t count, float alpha, float beta, const float *x, float *y); /* log(1 + e^x) */
void stoa_elu(size_t count, float alpha, float beta, const float *x, float *y);      /* x < 0 ? alpha*(e^x - 1) : x */
/* beta * (x < 0 ? alpha*(e^x - 1) : x) */
void stoa_selu(size_t count, float alpha, float beta, const float *x, float *y);

#endif
