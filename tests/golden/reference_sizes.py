# SPDX-License-Identifier: Apache-2.0
"""What each model must take at most: its compact bytes, counted on the authors' training code.

All floats that are not masks at four bytes, masks that matter at one bit an element.
"""

# Of every rep_vgg network, expanded. Random kernels repeat nothing: such a layer is stored as the
# dense weight that its signs make of it, and a borrowed parent is in each borrower's.
REP_VGG_DENSE_BYTES = 37687592

COMPACT_BYTES = {
    "rep_vgg_4": {
        "linear": 528680, "swish": 529688, "bireal": 1689896, "static_drop": 1689896,
        "random_bireal": 36784424},
    "rep_vgg_5": {
        "linear": 1118504, "swish": 1119208, "bireal": 2261288, "static_drop": 2261288,
        "random_bireal": 36176168},
    "rep_vgg_6": {
        "linear": 2298152, "swish": 2298536, "bireal": 3404072, "static_drop": 3404072,
        "random_bireal": 34959656},
    "rep_vgg_7": {
        "linear": 4657448, "swish": 4657800, "bireal": 5689640, "static_drop": 5689640,
        "random_bireal": 34296104},
    "rep_vgg_8": {
        "linear": 9376040, "swish": 9376152, "bireal": 10260776, "static_drop": 10260776,
        "random_bireal": 30314792},
    "rep_vgg_9": {
        "linear": 18813224, "swish": 18813240, "bireal": 19108136, "static_drop": 19108136,
        "random_bireal": 24121640},
    "rep_vgg_10": {
        "linear": 28250408, "swish": 28250408, "bireal": 28250408, "static_drop": 28250408,
        "random_bireal": 28545320},
    "rresnet_cifar_16_1": {
        "linear": 707688, "swish": 707688, "bireal": 707688, "static_drop": 707688,
        "random_bireal": 729320},
    "rresnet_cifar_16_2": {
        "linear": 722792, "swish": 723240, "bireal": 808808, "static_drop": 808808,
        "random_bireal": 2868072},
    "rresnet_cifar_16_4": {
        "linear": 750312, "swish": 752040, "bireal": 1093096, "static_drop": 1093096,
        "random_bireal": 11368936},
    "rresnet_cifar_16_8": {
        "linear": 805352, "swish": 812136, "bireal": 2173928, "static_drop": 2173928,
        "random_bireal": 45275112},
    "c4_rep": {
        "linear": 1419108, "swish": 1419372, "bireal": 1758704, "static_drop": 1758700,
        "random_bireal": 11293232},
    "c8_rep": {
        "linear": 1453364, "swish": 1454124, "bireal": 2130478, "static_drop": 2130478,
        "random_bireal": 22465606},
    "c16_rep": {
        "linear": 1501924, "swish": 1503052, "bireal": 2859514, "static_drop": 2859508,
        "random_bireal": 44969784},
    "rresnet_18_1": {
        "linear": 46815392, "swish": 46815392, "bireal": 46815392, "static_drop": 46815392,
        "random_bireal": 48210080},
    "rresnet_18_2": {
        "linear": 48977056, "swish": 48977664, "bireal": 54547616, "static_drop": 54547616,
        "random_bireal": 188159136},
    "VGG4": {None: 459560},
    "VGG5": {None: 1051944},
    "VGG6": {None: 2241832},
    "VGG7": {None: 4606248},
    "VGG8": {None: 9345320},
    "VGG9": {None: 18792744},
    "VGG10": {None: 28240168},
    "VGG11": {None: 37687592},
    "resnet_cifar_16_1": {None: 705512},
    "resnet_cifar_16_2": {None: 2777576},
    "resnet_cifar_16_4": {None: 11017192},
    "resnet_cifar_16_8": {None: 43888616},
    "resnet_18_1": {None: 46796448},
    "resnet_18_2": {None: 182550176},
    "baseline": {None: 1364164},
}


def limit_bytes(model, activation):
    """The largest .rnm that is small enough: a hundredth and 8 KiB over what is stored."""
    stored = COMPACT_BYTES[model][activation]
    if activation == "random_bireal" and model.startswith("rep_vgg"):
        stored = REP_VGG_DENSE_BYTES
    return 1.01 * stored + 8192
