# PyTorch as an engine that trains: bench/engine.h has the questions. The nets, the data and the optimiser are those of
# bench/serve_train.c; the loop is the one PyTorch's users write.
import gzip
import os
import resource
import sys
import time

try:
    import numpy
    import torch
    from torch import nn
except ImportError as error:
    for line in sys.stdin:
        print(f"error PyTorch cannot be imported: {error}", flush=True)
    sys.exit(1)

BATCH = 64


def read(folder, name, offset):
    path = f"{folder}/{name}-ubyte"
    with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz") as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=offset)


def images(folder, part):
    pixels = read(folder, f"{part}-images-idx3", 16).reshape(-1, 1, 28, 28)
    return (torch.from_numpy(pixels.astype(numpy.float32)) / 255 - 0.2860) / 0.3530


def labels(folder, part):
    return torch.from_numpy(read(folder, f"{part}-labels-idx1", 8).astype(numpy.int64))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def vgg_small():
    layers, channels = [], 1
    for width in (32, 64):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


class Trainer:
    def load(self, words):
        base = self.peak()
        begin = time.perf_counter()
        threads, net, folder = words.split(" ", 2)
        torch.set_num_threads(int(threads))
        torch.manual_seed(0)
        self.net = {"lenet5": lenet5, "vgg_small": vgg_small}[net]()
        self.optimiser = torch.optim.SGD(self.net.parameters(), lr=0.05, momentum=0.9)
        self.loss = nn.CrossEntropyLoss()
        self.x, self.y = images(folder, "train"), labels(folder, "train")
        self.test = images(folder, "t10k"), labels(folder, "t10k")
        self.order, self.place = None, len(self.x)
        return f"{time.perf_counter() - begin:.6f} {base}"

    def step(self):
        if self.place + BATCH > len(self.x):
            self.order, self.place = torch.randperm(len(self.x)), 0
        batch = self.order[self.place:self.place + BATCH]
        self.place += BATCH
        self.optimiser.zero_grad()
        self.loss(self.net(self.x[batch]), self.y[batch]).backward()
        self.optimiser.step()

    def run(self, words):
        self.net.train()
        times = []
        for _ in range(int(words.split()[0])):
            begin = time.perf_counter_ns()
            self.step()
            times.append(str(time.perf_counter_ns() - begin))
        return " ".join(times)

    def accuracy(self, _):
        self.net.eval()
        x, y = self.test
        with torch.no_grad():
            right = sum((self.net(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum().item() for i in range(0, len(x), 500))
        return f"{right / len(x):.6f}"

    def peak(self, _=""):
        return str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


trainer = Trainer()
for line in sys.stdin:
    word, _, words = line.rstrip("\n").partition(" ")
    try:
        print("ok", getattr(trainer, word)(words), flush=True)
    except Exception as error:  # whatever it is, the suite wants to hear of it
        print("error", str(error).replace("\n", " ")[:500], flush=True)
