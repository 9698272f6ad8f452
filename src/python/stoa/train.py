"""Training: trainers, and batches made of arrays.

What fit and evaluate take as data is a pair (x, labels) of arrays, or any object with `batch` (examples in a batch),
len() (batches in an epoch) and get(epoch, position), which returns (x, labels, count) of one batch: arrays of `batch`
examples, of which `count` are to be used; the classes beyond are -1. Arrays and Dataset.batches() are such objects."""

import ctypes
import os

import numpy as np

from . import declarations as d
from .convert import address, as_input, encoded, encoded_list, memory_array, options, record, scalar, text
from .library import Calls, Closeable, Handle, Status, handle_of, library
from .model import Model, as_model
from .session import Tuning, fixed_inputs, input_specs

_CLASSES = (d.STOA_LOSS_CROSS_ENTROPY, d.STOA_LOSS_HINGE)


class Arrays:
    """Batches of two arrays of as many entries. shuffle: a new order each epoch, a function of seed and epoch. A last
    batch that is not full is filled up with its own examples again, of class -1, where labels are whole numbers (a
    norm over the batch then sees no others); else it is left out.
    Iterating gives (x, labels) of epoch 0."""

    def __init__(self, x, labels, batch=64, *, shuffle=False, seed=0):
        self.x, self.labels, self.batch = np.asarray(x), np.asarray(labels), scalar(ctypes.c_size_t, batch, "batch")
        if batch < 1:
            raise ValueError(f"batch is {batch}, must be at least 1")
        if len(self.x) != len(self.labels):
            raise ValueError(f"x has {len(self.x)} examples, labels {len(self.labels)}")
        self._shuffle, self._seed = shuffle, seed
        self._order = (None, None)
        classes = self.labels.dtype.kind in "iu"
        self._count = -(-len(self.x) // batch) if classes else len(self.x) // batch
        if self._count == 0:
            raise ValueError(f"{len(self.x)} examples are no batch of {batch}")

    def __len__(self):
        return self._count

    def _indices(self, epoch):
        if self._order[0] != epoch:
            order = np.arange(len(self.x))
            if self._shuffle:
                np.random.default_rng((self._seed, epoch)).shuffle(order)
            self._order = (epoch, order)
        return self._order[1]

    def get(self, epoch, position):
        chosen = self._indices(epoch)[position * self.batch : (position + 1) * self.batch]
        x, labels, missing = self.x[np.resize(chosen, self.batch)], self.labels[chosen], self.batch - len(chosen)
        if missing:
            labels = np.concatenate([labels.astype(np.int64), np.full(missing, -1)])
        return x, labels, len(chosen)

    def __iter__(self):
        return (self.get(0, position)[:2] for position in range(len(self)))


def batches(data, calls, taken, stops=True):
    """struct stoa_batches of data with `batch`, len() and get (see above); taken(x, labels, batch) gives both as the
    library takes them. stops: no batch comes any more once a callback has failed."""
    missing = [name for name in ("batch", "get", "__len__") if not hasattr(data, name)]
    if missing:
        raise TypeError(f"data is {data!r}: neither a pair of arrays, nor has it {' and '.join(missing)}")
    held = []

    def get(_, epoch, position, error, examples):
        if stops and calls.failure:
            return int(Status.ERROR_CANCELLED)
        x, labels, count = data.get(epoch, position)
        held[:] = taken(x, labels, data.batch)
        examples.contents.x, examples.contents.labels = map(address, held)
        examples.contents.count = count
        return 0

    kind = dict(d.stoa_batches._fields_)["get"]
    return d.stoa_batches(data.batch, len(data), calls.wrap(kind, get, int(Status.ERROR_DATA)), None)


class Trainer(Closeable):
    """Owns the weights of a model while they change.

        trainer = stoa.Trainer(stoa.create_net("lenet5"), batch=64, learning_rate=0.05, momentum=0.9)
        trainer.fit((images, labels), test=(test_images, test_labels), epochs=10)
        trainer.model().save("net.onnx")

    model: a path, bytes or stoa.Model, which stays as it is. Options (<stoa/train.h> describes them): loss
    ("cross-entropy", "hinge", "mean-squared", "binary-cross-entropy"), label_smoothing, margin, optimiser ("sgd",
    "adam", "adamw"), learning_rate, momentum, nesterov, beta1, beta2, epsilon, weight_decay, decay_all, schedule
    ("constant", "step", "cosine"), total_steps, warmup, step_size, gamma, final_rate, clip_norm, clip_value,
    accumulate, batch, seed, threads, accuracy, profile; inputs: {"name": array} of inputs with fixed values; frozen:
    patterns of parameters that stay ("features.*"); tuning: a stoa.Tuning.

    Same seed, same bits, for any number of threads. Used by one thread at a time. x is [batch, ...] as the model's
    input; labels are classes [batch] (whole numbers, -1 leaves an example out), or float32 of the scores' shape for the
    last two losses. Raises stoa.Error: ERROR_NONFINITE when a loss or gradient is not finite, weights being as before
    the step; ..."""

    def __init__(self, model, *, inputs=None, frozen=(), tuning=None, **keywords):
        self._model = as_model(model)
        arrays = fixed_inputs(self._model, inputs or {})
        chosen = options(d.stoa_trainer_options, keywords, "Trainer")
        specs = [(name, array.shape, array) for name, array in arrays.items()]
        chosen.inputs, chosen.input_count = input_specs(specs), len(specs)
        chosen.frozen, chosen.frozen_count = encoded_list(frozen, "frozen")
        tuning_handle = None if tuning is None else handle_of(tuning, Tuning, "tuning")
        if tuning_handle:
            chosen.tuning = tuning_handle._as_parameter_
        model_handle = self._model._open()
        self._handle = Handle(
            library.stoa_trainer_create, library.stoa_trainer_free, model_handle, chosen, owners=(model_handle, tuning_handle)
        )
        self._has_classes = chosen.loss in _CLASSES
        fed = next(info for info in self._model.inputs if info.name not in arrays)
        tensor = d.stoa_tensor()
        library.stoa_session_input(library.stoa_trainer_session(self._handle), fed.name, tensor)
        self._input, self._entry = fed, tuple(tensor.dims[1 : tensor.rank])

    @property
    def batch(self):
        """Examples in a step."""
        return library.stoa_trainer_batch(self._open())

    @property
    def steps(self):
        """Steps of the optimiser so far."""
        return library.stoa_trainer_steps(self._open())

    def _examples(self, x, labels, batch):
        """Both as the library takes them."""
        x = as_input("x", x, self._input.dtype, (batch, *self._entry))
        if self._has_classes:
            return x, as_input("labels", labels, np.int64, (batch,))
        labels, scores = as_input("labels", labels), library.stoa_trainer_classes(self._handle)
        if labels.shape[:1] != (batch,) or labels.size != batch * scores:
            raise ValueError(f"labels: have shape {labels.shape}, must be {batch} x {scores} scores")
        return x, labels

    def step(self, x, labels):
        """One batch: forward, backward, and a step of the optimiser. Returns a dict of loss (before the step), correct,
        learning_rate, gradient_norm, stepped."""
        x, labels = self._examples(x, labels, self.batch)
        result = d.stoa_train_result()
        library.stoa_trainer_step(self._open(), address(x), address(labels), result)
        return record(result)

    def _batches(self, data, calls, batch, shuffle=False, stops=True):
        if isinstance(data, (tuple, list)):
            data = Arrays(*data, batch, shuffle=shuffle)
        return batches(data, calls, self._examples, stops)

    def fit(self, data, test=None, *, shuffle=True, checkpoint=None, on_batch=None, on_epoch=None, cancel=None, **keywords):
        """Trains for epochs, evaluating on `test`. Goes on where a loaded checkpoint was, to the bit.

        data, test: pairs of arrays (shuffle: of data) or batches (see the module). Options: epochs (in all), evaluate
        (every so many epochs), patience, checkpoint (a path, written after each epoch), checkpoint_interval.
        on_batch(progress) and on_epoch(results) get dicts; cancel() is asked after each batch, and ends training where
        it returns true. Ctrl-C ends after a batch, writes the checkpoint and raises KeyboardInterrupt.

        Returns a dict of end ("done", "stopped-early", "cancelled"), epochs, best_epoch, best_accuracy, best_loss, and
        history, a list of what on_epoch got."""
        calls, history = Calls(), []
        types = dict(d.stoa_fit_options._fields_)

        def note_epoch(_, epoch):
            history.append(record(epoch.contents))
            if on_epoch:
                on_epoch(history[-1])

        def is_cancelled(_):
            return 1 if calls.failure or (cancel and cancel()) else 0

        chosen = options(d.stoa_fit_options, keywords, "fit")
        chosen.checkpoint = None if checkpoint is None else encoded(os.fsencode(checkpoint), "checkpoint")
        chosen.epoch_done = calls.wrap(types["epoch_done"], note_epoch)
        chosen.cancel = calls.wrap(types["cancel"], is_cancelled, 1)
        if on_batch:
            chosen.progress = calls.wrap(types["progress"], lambda _, progress: on_batch(record(progress.contents)))
        result = d.stoa_fit_result()
        # These go on after Ctrl-C: the end comes when the library asks is_cancelled, and with a checkpoint.
        training = self._batches(data, calls, self.batch, shuffle, stops=False)
        testing = None if test is None else self._batches(test, calls, self.batch, stops=False)
        if training.batch != self.batch:
            raise ValueError(f"the data come in batches of {training.batch}, the trainer takes {self.batch}")
        calls.run(library.stoa_fit, self._open(), training, testing, chosen, result)
        return {**record(result), "history": history}

    def evaluate(self, data, *, batch=None, confusion=False):
        """The current weights, as inference has them, on one epoch of data. Returns a dict of loss, examples, accuracy,
        top1 and top5 (counts), and with confusion=True an array [classes, classes] of examples of class (row) taken for
        class (column)."""
        calls = Calls()
        batches = self._batches(data, calls, batch or self.batch)
        result = d.stoa_evaluation()
        classes = library.stoa_trainer_classes(self._open())
        table = (ctypes.c_size_t * (classes * classes))() if confusion else None
        calls.run(library.stoa_evaluate, self._open(), batches, 0, result, table)
        numbers = record(result)
        numbers["accuracy"] = numbers["top1"] / numbers["examples"] if numbers["examples"] else 0.0
        if confusion:
            numbers["confusion"] = np.array(table, np.int64).reshape(classes, classes)
        return numbers

    def model(self):
        """A stoa.Model of the current weights, independent of the trainer."""
        return Model._made(library.stoa_trainer_model, self._open())

    def best_model(self):
        """A stoa.Model of the weights that did best on fit's test set; of the current ones if there was none."""
        return Model._made(library.stoa_trainer_best_model, self._open())

    def _parameters(self):
        for i in range(library.stoa_trainer_parameter_count(self._open())):
            info = d.stoa_parameter_info()
            library.stoa_trainer_parameter(self._open(), i, info)
            yield text(info.name), tuple(info.dims[: info.rank]), info

    def parameters(self):
        """{"name": array}: copies of the weights as they are."""
        return {name: memory_array(info.values, shape).copy() for name, shape, info in self._parameters()}

    def gradients(self):
        """{"name": array}: copies of the gradients of the last batch, of the parameters that one reaches."""
        return {name: memory_array(info.gradient, shape).copy() for name, shape, info in self._parameters() if info.gradient}

    def save(self, path):
        """Writes a checkpoint: all that the trainer has become. At any moment there is the old file or the new one."""
        library.stoa_trainer_save(self._open(), os.fsencode(path))

    def load(self, path):
        """Goes on from a checkpoint of a trainer with the same model and options. Error: ERROR_IO, ERROR_PARSE
        (damaged), ERROR_SHAPE (of another model), ERROR_ARGUMENT (of another optimiser); the trainer is as before
        then."""
        library.stoa_trainer_load(self._open(), os.fsencode(path))
