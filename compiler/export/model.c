/* SPDX-License-Identifier: Apache-2.0
 *
 * Building an ONNX model in memory.
 */
#include "export/model.h"

#include "error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ATTRIBUTES = 16 };

/* Far above what the largest graph that a .rnm can hold needs. */
static const size_t ceiling = (size_t)1 << 30;

void rnc_proto_begin(rnc_proto *model, rnm_error *err) {
    *model = (rnc_proto){.arena = rnc_arena_make(ceiling), .err = err, .opset = 13};
}

void rnc_proto_end(rnc_proto *model) {
    rnc_arena_clear(&model->arena);
}

void *rnc_proto_alloc(rnc_proto *model, size_t count, size_t size) {
    if (model->status != RNM_OK) {
        return NULL;
    }
    void *result = rnc_arena_array(&model->arena, count, size, model->err);
    model->status = result == NULL ? model->arena.status : RNM_OK;
    return result;
}

const char *rnc_proto_text(rnc_proto *model, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = rnc_proto_alloc(model, (size_t)length + 1, 1);
    if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)length + 1, format, args);
        va_end(args);
    }
    return text;
}

void rnc_proto_append(rnc_proto *model, rnc_proto_list *list, void *item) {
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 16 : 2 * list->room;
        void **items = rnc_proto_alloc(model, room, sizeof *items);
        if (items == NULL) {
            return;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = item;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

Onnx__NodeProto *rnc_proto_node(rnc_proto *model, rnc_proto_list *nodes, const char *op,
                                const char *name, const char *const *inputs, size_t input_count,
                                const char *output) {
    Onnx__NodeProto *node = rnc_proto_alloc(model, 1, sizeof *node);
    char **texts = rnc_proto_alloc(model, input_count + 1, sizeof *texts);
    if (texts == NULL) {
        return NULL;
    }
    onnx__node_proto__init(node);
    for (size_t k = 0; k < input_count; k++) {
        texts[k] = (char *)(inputs[k] != NULL ? inputs[k] : "");
    }
    texts[input_count] = (char *)output;
    node->op_type = (char *)op;
    node->name = (char *)name;
    node->input = texts;
    node->n_input = input_count;
    node->output = texts + input_count;
    node->n_output = 1;
    rnc_proto_append(model, nodes, node);
    return node;
}

static Onnx__AttributeProto *add_attribute(rnc_proto *model, Onnx__NodeProto *node,
                                           const char *name,
                                           Onnx__AttributeProto__AttributeType type) {
    Onnx__AttributeProto *attribute = rnc_proto_alloc(model, 1, sizeof *attribute);
    if (attribute != NULL && node->attribute == NULL) {
        node->attribute = rnc_proto_alloc(model, MOST_ATTRIBUTES, sizeof *node->attribute);
    }
    if (model->status != RNM_OK) {
        return NULL;
    }
    assert(node->n_attribute < MOST_ATTRIBUTES);
    onnx__attribute_proto__init(attribute);
    attribute->name = (char *)name;
    attribute->has_type = 1;
    attribute->type = type;
    node->attribute[node->n_attribute++] = attribute;
    return attribute;
}

void rnc_proto_set_int(rnc_proto *model, Onnx__NodeProto *node, const char *name, int64_t value) {
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute != NULL) {
        attribute->has_i = 1;
        attribute->i = value;
    }
}

void rnc_proto_set_float(rnc_proto *model, Onnx__NodeProto *node, const char *name, float value) {
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (attribute != NULL) {
        attribute->has_f = 1;
        attribute->f = value;
    }
}

void rnc_proto_set_ints(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                        const int64_t *values, size_t count) {
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *ints = rnc_proto_alloc(model, count + 1, sizeof *ints);
    if (ints != NULL) {
        memcpy(ints, values, count * sizeof *ints);
        attribute->ints = ints;
        attribute->n_ints = count;
    }
}

void rnc_proto_set_text(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                        const char *text) {
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (attribute != NULL) {
        attribute->has_s = 1;
        attribute->s = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
    }
}

void rnc_proto_set_tensor(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                          Onnx__TensorProto *tensor) {
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    if (attribute != NULL) {
        attribute->t = tensor;
    }
}

void rnc_proto_set_reference(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                             const char *source) {
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (attribute != NULL) {
        attribute->ref_attr_name = (char *)source;
    }
}

void rnc_proto_tell(rnc_proto *model, const char *key, const char *value) {
    Onnx__StringStringEntryProto *entry = rnc_proto_alloc(model, 1, sizeof *entry);
    if (entry != NULL) {
        onnx__string_string_entry_proto__init(entry);
        entry->key = (char *)key;
        entry->value = (char *)value;
        rnc_proto_append(model, &model->metadata, entry);
    }
}

/* ---- tensors and values ---------------------------------------------------------------------- */

rnc_proto_tensor *rnc_proto_initializer(rnc_proto *model, const char *name, const rnm_shape *shape,
                                        const void *bytes) {
    rnc_proto_tensor *tensor = rnc_proto_alloc(model, 1, sizeof *tensor);
    if (tensor != NULL) {
        *tensor = (rnc_proto_tensor){
            .name = name, .shape = *shape, .size = rnm_dtype_size(shape->dtype), .bytes = bytes};
        for (int axis = 0; axis < shape->rank; axis++) {
            tensor->size *= (uint64_t)shape->dims[axis];
        }
        rnc_proto_append(model, &model->initializers, tensor);
    }
    return tensor;
}

/* Dims, a negative one as the name of its symbol; a computed one is left open. */
static Onnx__TensorShapeProto *describe_shape(rnc_proto *model, const rnm_shape *shape,
                                              const char *const *symbols) {
    size_t rank = (size_t)shape->rank;
    Onnx__TensorShapeProto *dims = rnc_proto_alloc(model, 1, sizeof *dims);
    Onnx__TensorShapeProto__Dimension *entries = rnc_proto_alloc(model, rank + 1, sizeof *entries);
    Onnx__TensorShapeProto__Dimension **pointers =
        rnc_proto_alloc(model, rank + 1, sizeof *pointers);
    if (pointers == NULL) {
        return NULL;
    }
    onnx__tensor_shape_proto__init(dims);
    dims->dim = pointers;
    dims->n_dim = rank;
    for (size_t axis = 0; axis < rank; axis++) {
        int64_t dim = shape->dims[axis];
        pointers[axis] = &entries[axis];
        onnx__tensor_shape_proto__dimension__init(&entries[axis]);
        if (dim == RNM_DIM_COMPUTED) {
            continue;
        }
        if (dim < 0) {
            entries[axis].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            entries[axis].dim_param = (char *)symbols[-1 - dim];
        } else {
            entries[axis].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            entries[axis].dim_value = dim;
        }
    }
    return dims;
}

void rnc_proto_value(rnc_proto *model, rnc_proto_list *list, const char *name,
                     const rnm_shape *shape, const char *const *symbols) {
    Onnx__ValueInfoProto *value = rnc_proto_alloc(model, 1, sizeof *value);
    Onnx__TypeProto *type = rnc_proto_alloc(model, 1, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = rnc_proto_alloc(model, 1, sizeof *tensor);
    Onnx__TensorShapeProto *dims = describe_shape(model, shape, symbols);
    if (dims == NULL) {
        return;
    }
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = (int32_t)shape->dtype;
    tensor->shape = dims;
    onnx__type_proto__init(type);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    onnx__value_info_proto__init(value);
    value->name = (char *)name;
    value->type = type;
    rnc_proto_append(model, list, value);
}
