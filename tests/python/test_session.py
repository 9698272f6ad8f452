"""Sessions and models: results, shapes, arrays given and taken, what is refused, threads."""

import copy
import gc
import os
import pickle
import signal
import tempfile
import threading
import time
import unittest

import networks
import numpy as np
import onnx
import stoa
from onnx import TensorProto
from onnx.helper import make_node

RANDOM = np.random.default_rng(1)


def image(n=1, size=9):
    return RANDOM.normal(size=(n, 3, size, size)).astype(np.float32)


class Run(unittest.TestCase):
    def setUp(self):
        self.session = stoa.Session(networks.conv(), threads=1)

    def check(self, x, results):
        y, features = networks.conv_by_numpy(np.asarray(x, np.float32))
        np.testing.assert_allclose(results["y"], y, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(results["features"], features, rtol=1e-4, atol=1e-4)

    def test_both_ways_to_call(self):
        x = image()
        results = self.session.run({"x": x})
        self.assertEqual(list(results), ["y", "features"])
        self.check(x, results)
        y, features = self.session.run(None, {"x": x})
        self.check(x, {"y": y, "features": features})
        (only,) = self.session.run(["features"], {"x": x})
        np.testing.assert_array_equal(only, features)

    def test_other_shapes_are_planned_and_a_few_plans_kept(self):
        session = stoa.Session(networks.conv(), plans=2)
        for n, size in [(1, 9), (3, 9), (2, 12), (1, 9), (5, 7), (5, 7)]:
            x = image(n, size)
            self.check(x, session.run({"x": x}))
        self.assertIn("2 plans", repr(session))

    def test_arrays_that_lie_otherwise_give_the_same(self):
        x = image(2, 10)
        bits = self.session.run({"x": x})["y"]
        strided = np.zeros((2, 3, 10, 20), np.float32)[..., ::2]
        strided[...] = x
        unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
        self.assertFalse(unaligned.flags.aligned)
        for same in [np.asfortranarray(x), strided, x[::-1][::-1], unaligned, x.astype(">f4"), x.tolist()]:
            np.testing.assert_array_equal(self.session.run({"x": same})["y"], bits)

    def test_types_that_cannot_lose_are_widened(self):
        x = RANDOM.integers(0, 255, (1, 3, 5, 5))
        for dtype in (np.uint8, np.int16, np.float16):
            self.check(x.astype(dtype), self.session.run({"x": x.astype(dtype)}))
        for dtype in (np.float64, np.int64, np.complex64):
            with self.assertRaisesRegex(TypeError, "input 'x': takes float32, not"):
                self.session.run({"x": x.astype(dtype)})

    def test_inputs_and_outputs_are_not_copied(self):
        x, features = image(1, 6), np.empty((1, 4, 6, 6), np.float32)
        results = self.session.run({"x": x}, out={"features": features})
        self.assertIs(results["features"], features)
        self.check(x, results)
        self.assertIs(self.session.run(["features"], {"x": x}, out={"features": features})[0], features)
        # Results belong to the caller: later runs leave them as they are.
        first = self.session.run({"x": x})
        kept = first["y"].copy()
        self.session.run({"x": image(1, 6)})
        gc.collect()
        np.testing.assert_array_equal(first["y"], kept)

    def test_lists_of_whole_numbers(self):
        model = networks.model([make_node("Identity", ["x"], ["y"])], [("x", TensorProto.INT8, ["n"])], [("y", TensorProto.INT8, ["n"])])
        session = stoa.Session(model)
        for fits in ([1, -128, 127], []):
            self.assertEqual(session.run({"x": fits})["y"].tolist(), fits)
        with self.assertRaisesRegex(ValueError, "input 'x': has a value beyond the range of int8"):
            session.run({"x": [1, 300]})

    def test_outputs_that_do_not_fit(self):
        x = image(1, 6)
        good = np.empty((1, 4, 6, 6), np.float32)
        frozen = good.copy()
        frozen.flags.writeable = False
        rows = [
            (np.empty((1, 4, 6, 5), np.float32), ValueError, r"takes shape \[1,4,6,6\], not \[1,4,6,5\]"),
            (np.empty((1, 4, 6, 6)), TypeError, "takes an array of float32, not float64"),
            ([0.0], TypeError, "not list"),
            (np.empty((1, 4, 6, 12), np.float32)[..., ::2], ValueError, "C-contiguous"),
            (frozen, ValueError, "writable"),
        ]
        for out, kind, message in rows:
            with self.assertRaisesRegex(kind, message):
                self.session.run({"x": x}, out={"features": out})
        with self.assertRaisesRegex(ValueError, "no output 'z'"):
            self.session.run({"x": x}, out={"z": good})
        session = stoa.Session(networks.add(TensorProto.FLOAT, [4]))
        a = np.ones(4, np.float32)
        with self.assertRaisesRegex(ValueError, "overlaps an input"):
            session.run({"a": a, "b": a}, out={"y": a})
        both = np.empty(4 * 36 + 2, np.float32)
        with self.assertRaisesRegex(ValueError, "overlaps an input or another output"):
            self.session.run({"x": x}, out={"features": both[:144].reshape(1, 4, 6, 6), "y": both[142:].reshape(1, 4, 1, 1)})

    def test_inputs_that_do_not_fit(self):
        rows = [
            ({}, ValueError, r"inputs \['x'\] are missing"),
            ({"x": image(), "z": image()}, ValueError, r"no inputs \['z'\]"),
            ({"x": image()[0]}, ValueError, r"takes shape \[\?,3,\?,\?\], not \[3,9,9\]"),
            ({"x": image()[:, :2]}, ValueError, r"not \[1,2,9,9\]"),
            ({"x": "text"}, TypeError, "not <U4"),
            ({"x": None}, TypeError, "not object"),
            (image(), TypeError, "not ndarray"),
        ]
        for feed, kind, message in rows:
            with self.assertRaisesRegex(kind, message):
                self.session.run(feed)
        with self.assertRaisesRegex(ValueError, "no output 'z'"):
            self.session.run(["z"], {"x": image()})
        with self.assertRaisesRegex(stoa.Error, "conv") as caught:
            self.session.run({"x": np.zeros((1, 3, 0, 0), np.float32)})
        self.assertIsInstance(caught.exception.status, stoa.Status)
        x = image()
        self.check(x, self.session.run({"x": x}))

    def test_values_that_shapes_depend_on(self):
        session = stoa.Session(networks.reshape())
        x = np.arange(12, dtype=np.float32).reshape(2, 6)
        for shape in ([3, 4], [4, 3], [-1, 2], [3, 4]):
            np.testing.assert_array_equal(session.run({"x": x, "shape": shape})["y"], x.reshape(shape))
        with self.assertRaises(stoa.Error):
            session.run({"x": x, "shape": [5, 5]})
        np.testing.assert_array_equal(session.run({"x": x, "shape": [12, 1]})["y"], x.reshape(12, 1))
        self.assertEqual([i.name for i in session.get_inputs() if i.decides_shapes], ["shape"])

        session = stoa.Session(networks.resize())
        self.assertEqual([i.name for i in session.get_inputs() if i.decides_shapes], ["scales"])
        for h, w, scales in [(2, 3, [1, 1, 2, 3]), (2, 3, [1, 1, 1, 2]), (3, 2, [1, 1, 1, 2])]:
            x = np.arange(h * w, dtype=np.float32).reshape(1, 1, h, w)
            expected = x.repeat(scales[2], 2).repeat(scales[3], 3)
            np.testing.assert_array_equal(session.run({"x": x, "scales": scales})["y"], expected)

    def test_open_dims_that_cannot_be_one(self):
        x, w = np.arange(6, dtype=np.float32), np.arange(12, dtype=np.float32).reshape(6, 2)
        for node, constants, expected in [
            (("TopK", ["x", "k"], ["y", "places"]), {"k": np.array([3])}, [5, 4, 3]),
            (("Gather", ["x", "k"], ["y"]), {"k": np.array([2, 5])}, [2, 5]),
            (("Split", ["x", "k"], ["y", "rest"]), {"k": np.array([4, 2])}, [0, 1, 2, 3]),
            (("Reshape", ["x", "k"], ["y"]), {"k": np.array([2, 3])}, [[0, 1, 2], [3, 4, 5]]),
            (("MatMul", ["x", "k"], ["y"]), {"k": w}, x @ w),
        ]:
            float_, dims = TensorProto.FLOAT, [None] * np.ndim(expected)
            model = networks.model([make_node(*node)], [("x", float_, ["n"])], [("y", float_, dims)], constants)
            with self.subTest(node[0]):
                np.testing.assert_array_equal(stoa.Session(model).run({"x": x})["y"], expected)
        with self.assertRaises(stoa.Error):  # nothing is open
            stoa.Session(networks.model([make_node("MatMul", ["x", "k"], ["y"])], [("x", float_, [5])], [("y", float_, [2])], {"k": w}))

    def test_whole_numbers_that_no_shape_depends_on(self):
        session = stoa.Session(networks.gather())
        self.assertFalse(any(i.decides_shapes for i in session.get_inputs()))
        planned = session.summary()
        x = np.arange(6, dtype=np.float32).reshape(3, 2)
        for rows in ([0, 2], [1, 1], [2, 0]):
            np.testing.assert_array_equal(session.run({"x": x, "rows": rows})["y"], x[rows])
        self.assertIn("1 plans", repr(session))
        self.assertEqual(session.summary(), planned)
        with self.assertRaisesRegex(stoa.Error, "y.*3"):
            session.run({"x": x, "rows": [0, 3]})

    def test_element_types(self):
        for number, dtype in [(TensorProto.INT32, np.int32), (TensorProto.INT64, np.int64), (TensorProto.UINT8, np.uint8),
                              (TensorProto.DOUBLE, np.float64)]:
            session = stoa.Session(networks.add(number, [2, 3]))
            a = np.arange(6, dtype=dtype).reshape(2, 3)
            y = session.run({"a": a, "b": a})["y"]
            self.assertEqual(y.dtype, dtype)
            np.testing.assert_array_equal(y, a + a)

    def test_options(self):
        x = image(2, 8)
        for options in ({"lowering": "im2col_full"}, {"lowering": "IM2COL"}, {"accuracy": "strict", "threads": 2},
                        {"disable": "fuse-activation"}, {"disable": list(n.name.lower() for n in stoa.declarations.stoa_pass)}):
            self.check(x, stoa.Session(networks.conv(), **options).run({"x": x}))
        rows = [
            ({"thread": 2}, TypeError,
             "no option 'thread'; options are accuracy, disable, keep_values, layout, lowering, max_bytes, plans, profile, progress, "
             "threads, tuning$"),
            ({"cached_plans": 2}, TypeError, "no option"),
            ({"reserved": 2}, TypeError, "no option"),
            ({"threads": -1}, ValueError, "threads is -1"),
            ({"threads": 1.5}, TypeError, "threads is 1.5, must be a whole number"),
            ({"threads": "two"}, TypeError, "threads is 'two'"),
            ({"lowering": "magic"}, ValueError, "lowering is 'magic'; known are auto, view"),
            ({"disable": ["magic"]}, ValueError, "'magic'"),
            ({"plans": 0}, ValueError, "is 0"),
        ]
        for options, kind, message in rows:
            with self.assertRaisesRegex(kind, message):
                stoa.Session(networks.conv(), **options)
        with self.assertRaises(stoa.Error) as caught:
            stoa.Session(networks.conv(64), max_bytes=100)
        self.assertEqual(caught.exception.status, stoa.Status.ERROR_LIMIT)

    def test_reports(self):
        session = stoa.Session(networks.conv(16), profile=True, keep_values=True)
        x = image(2, 16)
        results = session.run({"x": x})
        steps = session.profile()
        self.assertIn("conv", [step["node"] for step in steps])
        conv = next(step for step in steps if step["node"] == "conv")
        self.assertEqual((conv["shape"], conv["macs"], conv["parameter_count"]), ((2, 4, 16, 16), 2 * 4 * 27 * 256, 108))
        self.assertGreater(conv["seconds"], 0)
        self.assertIn("108 parameters", session.summary())
        self.assertRegex(session.explain(), r"conv: \[2,3,16,16\] to \[2,4,16,16\]")
        np.testing.assert_array_equal(session.value("features"), results["features"])
        self.assertGreater(session.memory()["activations"], 0)
        with self.assertRaisesRegex(ValueError, "profile=True"):
            self.session.profile()
        with self.assertRaisesRegex(ValueError, "nothing is planned"):
            stoa.Session(networks.conv()).summary()

    def test_images_channels_last(self):
        x = image(2, 7)
        expected = self.session.run({"x": x})
        last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        session = stoa.Session(networks.conv(), layout="NHWC")
        for _ in range(2):
            results = session.run({"x": last})
            for name, value in expected.items():
                np.testing.assert_allclose(results[name].transpose(0, 3, 1, 2), value, rtol=1e-4, atol=1e-4)
        features = np.empty((2, 7, 7, 4), np.float32)
        self.assertIs(session.run({"x": last}, out={"features": features})["features"], features)
        mixed = stoa.Session(networks.conv(), layout={"x": "NHWC"}).run({"x": last})
        np.testing.assert_allclose(mixed["features"], expected["features"], rtol=1e-4, atol=1e-4)
        with self.assertRaisesRegex(ValueError, r"takes shape \[\?,\?,\?,3\], not \[2,3,7,7\]"):
            session.run({"x": x})
        for layout in ("NCWH", {"z": "NHWC"}, {"x": "N"}):
            with self.assertRaisesRegex(ValueError, "layout"):
                stoa.Session(networks.conv(), layout=layout)

    def test_progress(self):
        calls, x = [], image(1, 8)
        session = stoa.Session(networks.conv(), progress=lambda done, steps: calls.append((done, steps)))
        self.check(x, session.run({"x": x}))
        self.assertGreater(len(calls), 0)
        self.assertEqual(calls, [(i + 1, len(calls) + 1) for i in range(len(calls))])

        def ask(done, steps):
            if answers:
                return answers.pop()()

        session = stoa.Session(networks.conv(), progress=ask)
        for answer, kind, message in [(lambda: True, stoa.Error, ""), (lambda: 1 / 0, ZeroDivisionError, "division"),
                                      (lambda: session.cancel(), stoa.Error, "")]:
            answers = [answer]
            with self.assertRaisesRegex(kind, message):
                session.run({"x": x})
            self.check(x, session.run({"x": x}))

    def test_ctrl_c(self):
        x = image(1, 200)
        for _ in range(10):
            session = stoa.Session(networks.conv(), threads=1, progress=lambda done, steps: time.sleep(0.001))
            timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
            with self.assertRaises(KeyboardInterrupt):
                timer.start()
                for _ in range(5000):
                    session.run({"x": x})
            timer.join()
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)

    def test_ctrl_c_twice_ends_a_callback(self):
        def wait(done, steps):
            for seconds in (0.05, 0.1):
                threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
            time.sleep(60)

        begun = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            stoa.Session(networks.conv(), threads=1, progress=wait).run({"x": image()})
        self.assertLess(time.monotonic() - begun, 30)

    def test_cancel(self):
        x = image(1, 8)
        session = stoa.Session(networks.conv(8))
        session.cancel()
        with self.assertRaises(stoa.Error) as caught:
            session.run({"x": x})
        self.assertEqual(caught.exception.status, stoa.Status.ERROR_CANCELLED)
        self.check(x, session.run({"x": x}))

    def test_plans_share_memory(self):
        session = stoa.Session(networks.conv(), plans=3)
        for size in (40, 20, 10):
            session.run({"x": image(1, size)})
        three = session.memory()
        session.trim()
        self.assertIn("1 plans", repr(session))
        self.assertLess(session.memory()["activations"], three["activations"])
        session.run({"x": image(1, 40)})
        largest = session.memory()
        self.assertEqual(three["activations"], largest["activations"])
        x = image(1, 10)
        self.check(x, session.run({"x": x}))

    def test_closed(self):
        with stoa.Session(networks.conv(8)) as session:
            session.run({"x": image(1, 8)})
        session.close()
        for use in (lambda: session.run({"x": image()}), session.summary, session.memory):
            with self.assertRaisesRegex(ValueError, "this Session is closed"):
                use()
        model = stoa.Model(networks.conv())
        session = stoa.Session(model)
        model.close()
        with self.assertRaisesRegex(ValueError, "this Model is closed"):
            stoa.Session(model)
        x = image()
        self.check(x, session.run({"x": x}))

    def test_eight_threads(self):
        model = stoa.Model(networks.conv())
        images = [image(1, 24) for _ in range(8)]
        serial = [stoa.Session(model, threads=1).run({"x": x})["features"] for x in images]
        shared = stoa.Session(model, threads=1)
        wrong = []

        def work(x, expected):
            own = stoa.Session(model, threads=1)
            for _ in range(50):
                for session in (own, shared):
                    if not np.array_equal(session.run({"x": x})["features"], expected):
                        wrong.append(session)

        threads = [threading.Thread(target=work, args=pair) for pair in zip(images, serial)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Models(unittest.TestCase):
    def test_facts_and_round_trip(self):
        model = stoa.Model(networks.conv())
        (x,) = model.inputs
        self.assertEqual((x.name, x.shape, x.dtype, x.type), ("x", (None, 3, None, None), np.float32, "tensor(float)"))
        self.assertEqual([output.name for output in model.outputs], ["y", "features"])
        x = image()
        bits = stoa.Session(model).run({"x": x})["y"]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ü.onnx")
            model.save(path)
            again = stoa.Model.load(path)
            for source in (path, again, again.to_bytes(), bytearray(again.to_bytes()), memoryview(again.to_bytes())):
                np.testing.assert_array_equal(stoa.Session(source).run({"x": x})["y"], bits)

    def test_bytes_live_as_long_as_they_are_needed(self):
        session = stoa.Session(bytes(networks.conv()))
        gc.collect()
        session.run({"x": image()})

    def test_an_output_that_the_file_says_nothing_of(self):
        with_type = onnx.load_from_string(networks.conv())
        with_type.graph.output[0].ClearField("type")
        info, other = stoa.Model(with_type.SerializeToString()).outputs
        self.assertEqual((info.name, info.shape, info.dtype, info.type), ("y", None, None, ""))
        self.assertEqual(other.type, "tensor(float)")

    def test_names_and_paths_are_whole(self):
        with self.assertRaisesRegex(ValueError, "path is .* null character"):
            stoa.Model("resnet50.onnx\0x")
        with self.assertRaisesRegex(TypeError, "name is 3, must be a string"):
            stoa.create_net(3)

    def test_what_cannot_be_copied(self):
        session = stoa.Session(networks.conv())
        for of in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "a Session can be neither copied nor pickled"):
                of(session)
        try:
            stoa.Model(b"no model")
        except stoa.Error as error:
            again = pickle.loads(pickle.dumps(error))
            self.assertEqual((again.status, str(again)), (error.status, str(error)))

    def test_bad_models(self):
        rows = [
            ("/no/such/file.onnx", stoa.Status.ERROR_IO, "no/such/file"),
            (b"", stoa.Status.ERROR_PARSE, ""),
            (b"\xff" * 100, stoa.Status.ERROR_PARSE, ""),
            (networks.conv()[:-40], stoa.Status.ERROR_PARSE, ""),
            (networks.model([networks.make_node("Foo", ["x"], ["y"], "foo")], [("x", 1, [1])], [("y", 1, [1])]),
             stoa.Status.ERROR_UNSUPPORTED, "Foo"),
        ]
        for source, status, message in rows:
            with self.assertRaisesRegex(stoa.Error, message) as caught:
                stoa.Model(source)
            self.assertEqual(caught.exception.status, status, source[:60])
        with self.assertRaises(TypeError):
            stoa.Model(3.5)

    def test_tuning(self):
        tuning, x = stoa.Tuning(), image(1, 12)
        self.assertGreaterEqual(tuning.measure(networks.conv(), {"x": x}, rounds=1, threads=1), 1)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tuning")
            tuning.save(path)
            self.assertEqual(len(stoa.Tuning(path)), len(tuning))
        stoa.Session(networks.conv(), tuning=tuning).run({"x": x})
        with self.assertRaises(stoa.Error):
            stoa.Tuning("/no/such/file")

    def test_verify(self):
        report = stoa.verify(networks.conv(), {"x": image()})
        self.assertTrue(report and report.passed)
        self.assertIn("conv", str(report))
        self.assertTrue(all(item["worst_share"] <= 1 for item in report.items))
        self.assertTrue(stoa.verify(networks.reshape(), {"shape": [4, 3]}))
        self.assertTrue(stoa.verify(networks.resize(), {"x": np.ones((1, 1, 2, 3), np.float32), "scales": [1, 1, 2, 2]}))
        self.assertTrue(stoa.verify(networks.gather(), {"rows": [2, 1]}))
        with self.assertRaises(ValueError):
            stoa.verify(networks.conv(), {"z": image()})


if __name__ == "__main__":
    unittest.main()
