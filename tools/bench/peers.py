# SPDX-License-Identifier: Apache-2.0
"""The dense runtimes of the comparison: how each gets its model, loads it and runs it.

Every class has `prepare(onnx, folder, shape)`, which converts once and gives the files that the
runtime reads; `load(files, threads)`; and `run(x)`, one inference of a batch of one in f32. Packages
are imported in `load` and `version` only, so that a missing one is told apart; `module` is what to
import before times are taken where that is not the package itself; `held_back` is the environment
that keeps it to an instruction set, of those that have such a switch.
"""
import importlib.util
import os
import shutil
import subprocess
import sys


def convert(command, folder):
    """Runs a converter, whose chatter is shown only when it fails."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise SystemExit("%s failed:\n%s" % (command[0], done.stdout.decode(errors="replace")))


class OnnxRuntime:
    name, package, required = "ONNX Runtime", "onnxruntime", True

    def version(self):
        import onnxruntime
        return onnxruntime.__version__

    def prepare(self, onnx, folder, shape):
        return [onnx]

    def load(self, files, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(files[0], options,
                                                    providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def run(self, x):
        return self.session.run(None, {self.input: x})[0]


class Ncnn:
    name, package, required = "ncnn", "ncnn", True

    def version(self):
        import ncnn
        return ncnn.__version__

    def prepare(self, onnx, folder, shape):
        """Converts by pnnx, with weights left in f32."""
        inside = os.path.join(folder, "ncnn")
        files = [os.path.join(inside, "model.ncnn.param"), os.path.join(inside, "model.ncnn.bin")]
        if not all(map(os.path.exists, files)):
            os.makedirs(inside, exist_ok=True)
            copy = os.path.join(inside, "model.onnx")
            shutil.copyfile(onnx, copy)
            # Found, not imported: the package's own code wants PyTorch, its program does not.
            package = importlib.util.find_spec("pnnx").submodule_search_locations[0]
            program = os.path.join(package, "pnnx")
            convert([program, copy, "inputshape=[%s]" % ",".join(map(str, shape)), "fp16=0"],
                    inside)
        return files

    def load(self, files, threads):
        import ncnn
        self.ncnn = ncnn
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(self.net.opt, option, False)
        if self.net.load_param(files[0]) != 0 or self.net.load_model(files[1]) != 0:
            raise RuntimeError("ncnn does not load %s" % files[0])
        self.input, self.output = self.net.input_names()[0], self.net.output_names()[0]

    def run(self, x):
        import numpy
        extractor = self.net.create_extractor()
        extractor.input(self.input, self.ncnn.Mat(x[0]))
        return numpy.array(extractor.extract(self.output)[1])


class OpenVino:
    name, package, required = "OpenVINO", "openvino", True
    held_back = {"avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"}}

    def version(self):
        import openvino
        return openvino.__version__.split("-")[0]

    def prepare(self, onnx, folder, shape):
        return [onnx]

    def load(self, files, threads):
        import openvino
        core = openvino.Core()
        model = core.read_model(files[0])
        partial = model.inputs[0].partial_shape
        model.reshape([1] + [partial[k].get_length() for k in range(1, len(partial))])
        self.request = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": "1", "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()

    def run(self, x):
        return self.request.infer([x], share_inputs=True)[0]


class Mnn:
    name, package, required = "MNN", "MNN", False

    def version(self):
        import MNN
        return MNN.version()

    def prepare(self, onnx, folder, shape):
        model = os.path.join(folder, "model.mnn")
        if not os.path.exists(model):
            program = os.path.join(os.path.dirname(sys.executable), "mnnconvert")
            convert([program, "-f", "ONNX", "--modelFile", onnx, "--MNNModel", model,
                     "--bizCode", "bench"], folder)
        return [model]

    def load(self, files, threads):
        import MNN
        self.mnn = MNN
        self.interpreter = MNN.Interpreter(files[0])
        self.session = self.interpreter.createSession(
            {"backend": "CPU", "numThread": threads, "precision": "high"})
        self.input = self.interpreter.getSessionInput(self.session)
        self.shape = None

    def run(self, x):
        import numpy
        if self.shape != x.shape:
            self.interpreter.resizeTensor(self.input, x.shape)
            self.interpreter.resizeSession(self.session)
            self.shape = x.shape
        source = self.mnn.Tensor(x.shape, self.mnn.Halide_Type_Float, x,
                                 self.mnn.Tensor_DimensionType_Caffe)
        self.input.copyFrom(source)
        self.interpreter.runSession(self.session)
        output = self.interpreter.getSessionOutput(self.session)
        shape = output.getShape()
        target = self.mnn.Tensor(shape, self.mnn.Halide_Type_Float,
                                 numpy.zeros(shape, numpy.float32),
                                 self.mnn.Tensor_DimensionType_Caffe)
        output.copyToHostTensor(target)
        return numpy.array(target.getNumpyData())


class LiteRt:
    """By its XNNPACK delegate, which it takes by itself for f32."""
    name, package, required = "LiteRT", "ai_edge_litert", False
    module = "ai_edge_litert.interpreter"

    def version(self):
        from importlib import metadata
        return metadata.version("ai-edge-litert")

    def prepare(self, onnx, folder, shape):
        model = os.path.join(folder, "model.tflite")
        if not os.path.exists(model):
            program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "write_tflite.py")
            convert([sys.executable, program, onnx, model], folder)
        return [model]

    def load(self, files, threads):
        from ai_edge_litert.interpreter import Interpreter
        self.interpreter = Interpreter(model_path=files[0], num_threads=threads)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.output = self.interpreter.get_output_details()[0]["index"]
        self.source = None

    def run(self, x):
        import numpy
        if self.source is not x:  # its own order of elements, which an application would fill
            self.source, self.values = x, numpy.ascontiguousarray(x.transpose(0, 2, 3, 1))
        self.interpreter.set_tensor(self.input, self.values)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output)


PEERS = {peer.package: peer for peer in (OnnxRuntime, Ncnn, OpenVino, Mnn, LiteRt)}

# Runtimes that are measured nowhere, and why.
NEVER = {"ExecuTorch": "its package and its exporter need PyPI's PyTorch, several GB with CUDA"}


def left_out():
    """Runtimes that are not measured here, each with the reason; an error if one of them must be."""
    reasons = dict(NEVER)
    for package, peer in PEERS.items():
        if importlib.util.find_spec(package) is None:
            if peer.required:
                raise SystemExit("%s is not installed; tools/bench/setup-peers installs it"
                                 % peer.name)
            reasons[peer.name] = "its package does not install here"
    return reasons
