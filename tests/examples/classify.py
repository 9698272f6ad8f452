"""classify.py MODEL.onnx PHOTO [NAMES.txt]: what an ImageNet network sees in a picture."""
import sys

import numpy as np
import stoa
from PIL import Image

session = stoa.Session(sys.argv[1])
photo = Image.open(sys.argv[2]).convert("RGB").resize((224, 224))
pixels = np.asarray(photo, np.float32) / 255
x = (pixels - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
(scores,) = session.run(None, {session.get_inputs()[0].name: x.transpose(2, 0, 1)[None]})
shares = stoa.softmax(scores)[0]
names = open(sys.argv[3]).read().splitlines() if len(sys.argv) > 3 else range(shares.size)
for i in np.argsort(-shares)[:5]:
    print(f"{shares[i]:6.1%}  {names[i]}")
