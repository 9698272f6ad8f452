/* Small networks as text (as net.h has them), written as ONNX files. */
#ifndef TESTS_SUPPORT_ONNX_NET_H
#define TESTS_SUPPORT_ONNX_NET_H

#include <stdint.h>

#include "support/onnx_writer.h"

/* A whole model at that opset. Inputs may be of any type of op_check.h ("input n i64[]"), a dimension of 0 is written
 * as such; the node that makes y is called node_y. An If takes its branches in lines:
 *
 *   "y = If(c) {\n"  "t = Relu(x)\noutput t\n"  "} else {\n"  "t = Exp(x)\noutput t\n"  "}\n" */
void onnx_net(struct onnx_writer *writer, const char *text, int64_t opset);

#endif
