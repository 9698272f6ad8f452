# The Python module as users get it, sourced by tests/run after networks.sh: from pip, in a virtual environment and without the
# network, and from `meson install`, there without training.
photo=$(/usr/bin/python3 -c 'import os, skimage.data; print(os.path.dirname(skimage.data.__file__))')/chelsea.png
environment=$(mktemp -d)
python=$environment/bin/python

pip_install() {
    /usr/bin/python3 -m venv --system-site-packages "$environment" && "$python" -m pip install --no-index ./src/python
}
count 'pip installs the Python module from the tree' pip_install
for name in squeezenet1_1 resnet50; do
    count "the Python example classifies with $name" "$python" tests/examples/classify.py $networks/$name.onnx "$photo"
done
rm -rf "$environment"

installed='import stoa
stoa.Session("build/models/squeezenet1_1.onnx").summary()
try:
    stoa.Trainer(stoa.create_net("lenet5"))
    raise SystemExit("there is training")
except stoa.Error as error:
    assert error.status == stoa.Status.ERROR_UNSUPPORTED, error'
meson_install() {
    meson configure build/inference -Dprefix="$PWD/build/prefix" && meson install -C build/inference --quiet &&
        PYTHONPATH=$(dirname "$(dirname "$(find build/prefix -name declarations.py)")") /usr/bin/python3 -c "$installed"
}
count 'meson install puts the Python module where it finds the library' meson_install
