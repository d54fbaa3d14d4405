/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators of ONNX's default domain that are understood: from which opset to which, how, and
 * as what operator of the format.
 */
#include "onnx/convert.h"

#include <string.h>

#define NEWEST RNC_ONNX_NEWEST_OPSET

/* OP(name, first opset, last opset, function, operator of the format or "").
 * Versions in between are told apart by the function. `last` is below the newest where a newer
 * version means something that is not done. */
static const struct {
    rnc_onnx_op op;
    const char *needs;
} rows[] = {
#define OP(name, from, until, convert, needs) {{#name, from, until, rnc_convert_##convert}, needs},
#define SAME(name) OP(name, 6, NEWEST, simple, #name)
#define PAIR(name) OP(name, 6, NEWEST, binary, #name)
    SAME(Abs) SAME(Acos) SAME(Acosh) PAIR(Add) PAIR(And) SAME(ArgMax) SAME(ArgMin) SAME(Asin) SAME(
        Asinh) SAME(Atan) SAME(Atanh) OP(AveragePool, 6, NEWEST, pool,
                                         "AveragePool") OP(BatchNormalization, 6, NEWEST,
                                                           batch_norm,
                                                           "") OP(Cast, 6, 23, cast,
                                                                  "Cast") SAME(Ceil) SAME(Celu)
        OP(Clip, 6, NEWEST, clip, "Clip") SAME(Concat) OP(Constant, 6, NEWEST, constant_only, "") OP(
            ConstantOfShape, 9,
            NEWEST,
            constant_only,
            "") OP(Conv, 6, NEWEST, conv, "Conv")
            OP(ConvInteger, 10, NEWEST, integer_conv, "ConvInteger") OP(ConvTranspose, 6, NEWEST, conv_transpose, "DynamicConvTranspose") SAME(Cos) SAME(
                Cosh) OP(CumSum, 11, NEWEST, cumsum,
                         "CumSum") OP(DepthToSpace, 6, NEWEST, depth_to_space,
                                      "DepthToSpace") OP(DequantizeLinear, 10, 18, simple,
                                                         "DequantizeLinear")
                PAIR(Div) OP(Dropout, 6, NEWEST, dropout, "") SAME(DynamicQuantizeLinear) SAME(Elu) PAIR(Equal) SAME(Erf) SAME(Exp) OP(
                    Expand,
                    8,
                    NEWEST,
                    expand,
                    "Expand") OP(Flatten, 6, NEWEST,
                                 reshape, "Flatten") SAME(Floor) SAME(Gather) SAME(GatherElements)
                    SAME(GatherND) OP(Gelu, 20, NEWEST, gelu, "Gelu") OP(
                        Gemm, 6, NEWEST,
                        gemm,
                        "Gemm") SAME(GlobalAveragePool) SAME(GlobalMaxPool) PAIR(Greater) SAME(GreaterOrEqual)
                        SAME(HardSigmoid) SAME(HardSwish) OP(Hardmax, 6, NEWEST, softmax, "Hardmax") OP(
                            Identity, 6, NEWEST,
                            identity,
                            "") SAME(InstanceNormalization) SAME(IsInf) SAME(IsNaN) SAME(LRN)
                            OP(LayerNormalization, 17, NEWEST, layer_norm,
                               "LayerNormalization") SAME(LeakyRelu) PAIR(Less) SAME(LessOrEqual) SAME(Log)
                                OP(LogSoftmax, 6, NEWEST, softmax, "LogSoftmax") SAME(LpNormalization) OP(
                                    MatMul,
                                    6,
                                    NEWEST,
                                    matmul,
                                    "") SAME(MatMulInteger)
                                    OP(Max, 6, NEWEST, fold_list, "Max") OP(MaxPool, 6, NEWEST, pool, "MaxPool") OP(
                                        Mean, 6, NEWEST,
                                        mean, "Add") SAME(MeanVarianceNormalization) OP(Min, 6, NEWEST, fold_list, "Min")
                                        SAME(Mish) SAME(Mod) PAIR(Mul) SAME(Neg) OP(
                                            NonMaxSuppression,
                                            10,
                                            NEWEST,
                                            nms, "NonMaxSuppression") SAME(Not) PAIR(Or) PAIR(PRelu)
                                            OP(Pad, 6, NEWEST, pad, "Pad") PAIR(Pow) OP(
                                                QLinearConv,
                                                10,
                                                NEWEST,
                                                integer_conv,
                                                "QLinearConv") OP(QLinearMatMul, 10, 20, simple,
                                                                  "QLinearMatMul") OP(QuantizeLinear,
                                                                                      10,
                                                                                      18,
                                                                                      simple,
                                                                                      "QuantizeLine"
                                                                                      "ar")
                                                OP(Range, 11, NEWEST, constant_only, "") SAME(Reciprocal) OP(
                                                    ReduceL1, 6, NEWEST, reduce,
                                                    "ReduceL1") OP(ReduceL2, 6, NEWEST, reduce, "ReduceL2")
                                                    OP(ReduceLogSum, 6, NEWEST, reduce,
                                                       "ReduceLogSum") OP(ReduceLogSumExp,
                                                                          6, NEWEST, reduce, "ReduceLogSumExp")
                                                        OP(ReduceMax, 6, NEWEST, reduce, "ReduceMax") OP(
                                                            ReduceMean,
                                                            6,
                                                            NEWEST,
                                                            reduce,
                                                            "ReduceMean") OP(ReduceMin, 6, NEWEST,
                                                                             reduce,
                                                                             "ReduceMin") OP(ReduceProd, 6, NEWEST, reduce, "ReduceProd")
                                                            OP(ReduceSum, 6, NEWEST, reduce, "ReduceSum") OP(
                                                                ReduceSumSquare, 6,
                                                                NEWEST,
                                                                reduce,
                                                                "ReduceSumSquare") SAME(Relu)
                                                                OP(Reshape, 6, NEWEST, reshape,
                                                                   "") OP(Resize, 10, NEWEST,
                                                                          resize,
                                                                          "Resize") SAME(Round)
                                                                    SAME(ScatterElements) SAME(ScatterND) SAME(
                                                                        Selu) OP(Shape, 6, NEWEST,
                                                                                 constant_only,
                                                                                 "") SAME(Sigmoid)
                                                                        SAME(Sign) SAME(Sin) SAME(
                                                                            Sinh) OP(Slice, 6,
                                                                                     NEWEST,
                                                                                     slice,
                                                                                     "Slice") OP(Softmax, 6,
                                                                                                 NEWEST,
                                                                                                 softmax,
                                                                                                 "S"
                                                                                                 "o"
                                                                                                 "f"
                                                                                                 "t"
                                                                                                 "m"
                                                                                                 "a"
                                                                                                 "x")
                                                                            SAME(Softplus) SAME(Softsign) OP(
                                                                                SpaceToDepth, 6,
                                                                                NEWEST,
                                                                                depth_to_space,
                                                                                "SpaceToDepth")
                                                                                OP(Split, 6, NEWEST, split, "Split") SAME(
                                                                                    Sqrt) OP(Squeeze,
                                                                                             6,
                                                                                             NEWEST,
                                                                                             reshape,
                                                                                             "")
                                                                                    PAIR(Sub) OP(
                                                                                        Sum, 6,
                                                                                        NEWEST,
                                                                                        fold_list,
                                                                                        "Add") SAME(Tan)
                                                                                        SAME(Tanh) SAME(ThresholdedRelu) OP(
                                                                                            Tile, 6,
                                                                                            NEWEST,
                                                                                            tile, "Tile")
                                                                                            OP(TopK,
                                                                                               6,
                                                                                               NEWEST,
                                                                                               top_k,
                                                                                               "Top"
                                                                                               "K") SAME(Transpose)
                                                                                                OP(Unsqueeze,
                                                                                                   6,
                                                                                                   NEWEST,
                                                                                                   reshape,
                                                                                                   "")
                                                                                                    OP(Upsample,
                                                                                                       6,
                                                                                                       9,
                                                                                                       upsample,
                                                                                                       "Resize")
                                                                                                        SAME(
                                                                                                            Where)
                                                                                                            PAIR(
                                                                                                                Xor)
#undef SAME
#undef PAIR
#undef OP
};

const rnc_onnx_op *rnc_onnx_op_find(const char *name) {
    size_t row = 0;
    while (row < sizeof rows / sizeof *rows && strcmp(rows[row].op.name, name) != 0) {
        row++;
    }
    bool there = row < sizeof rows / sizeof *rows &&
                 (rows[row].needs[0] == '\0' || rnm_op_by_name(rows[row].needs) != RNM_OP_NONE);
    return there ? &rows[row].op : NULL;
}
