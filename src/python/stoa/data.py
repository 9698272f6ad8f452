"""Data sets of pictures, as the library reads them."""

from . import declarations as d
from .convert import address, memory_array, name_of, number_of, options
from .library import Closeable, Handle, library

import ctypes

import numpy as np


class Dataset(Closeable):
    """A data set for classification: "fashion-mnist[:DIR]", "idx:DIR" (the format of MNIST), "cifar10:DIR" (binary
    version), "folder:DIR" (a folder of pictures for each class). Options as <stoa/data.h> states: max_bytes,
    class_count, height, width, channels, test_share, split_seed. Opening reads all of it; whatever is wrong raises
    stoa.Error with file and record.

    counts: {"training": n, "test": n}; shape: (C, H, W); class_names; mean and std of each channel, of pixels from 0 to
    1."""

    def __init__(self, spec, **keywords):
        chosen = options(d.stoa_dataset_options, keywords, "Dataset")
        self._handle = Handle(library.stoa_dataset_open, library.stoa_dataset_free, spec, chosen)
        info = d.stoa_dataset_info()
        library.stoa_dataset_describe(self._handle, info)
        self.counts = dict(training=info.counts[d.STOA_PART_TRAINING], test=info.counts[d.STOA_PART_TEST])
        self.shape = (info.channels, info.height, info.width)
        self.mean, self.std = tuple(info.mean[: info.channels]), tuple(info.std[: info.channels])
        names = (library.stoa_dataset_class_name(self._handle, i) for i in range(info.class_count))
        self.class_names = [name.decode(errors="replace") for name in names]

    def get(self, part, index):
        """One image of "training" or "test": (pixels uint8 [C, H, W], class)."""
        pixels, label = np.empty(self.shape, np.uint8), ctypes.c_int64()
        library.stoa_dataset_get(
            self._open(), number_of(d.stoa_part, part, "part"), index, address(pixels), ctypes.addressof(label)
        )
        return pixels, label.value

    def arrays(self, part):
        """All of a part: (uint8 [n, C, H, W], int64 [n])."""
        part = name_of(d.stoa_part(number_of(d.stoa_part, part, "part")))
        images = np.empty((self.counts[part], *self.shape), np.uint8)
        labels = np.empty(len(images), np.int64)
        for i in range(len(images)):
            images[i], labels[i] = self.get(part, i)
        return images, labels

    def batches(self, part, **keywords):
        """Batches, made ahead in a thread of the library's: normalised by mean and std, augmented. Options as
        <stoa/data.h> states: batch, limit, seed, shuffle, flip, shift, drop_last. For Trainer.fit and evaluate;
        iterating gives (images, labels) of epoch 0."""
        return _Loader(self, part, keywords)


class _Loader(Closeable):
    """Used by one thread at a time."""

    def __init__(self, dataset, part, keywords):
        chosen = options(d.stoa_loader_options, keywords, "batches")
        self.batch = chosen.batch = chosen.batch or 64
        self._shape = (self.batch, *dataset.shape)
        owner = dataset._open()
        self._handle = Handle(
            library.stoa_loader_create, library.stoa_loader_free, owner, number_of(d.stoa_part, part, "part"), chosen,
            owners=(owner,),
        )

    def __len__(self):
        return library.stoa_loader_batches(self._open())

    def get(self, epoch, position):
        """(images, labels, count); what the arrays hold is valid until the next call."""
        batch = d.stoa_batch()
        handle = self._open()
        library.stoa_loader_get(handle, epoch, position, batch)
        labels = memory_array(batch.labels, (self.batch,), np.int64, owner=handle)
        return memory_array(batch.images, self._shape, owner=handle), labels, batch.count

    def __iter__(self):
        for position in range(len(self)):
            images, labels, count = self.get(0, position)
            yield images[:count].copy(), labels[:count].copy()
