# Whole networks, sourced by tests/run: PyTorch's outputs for batch 1 and 3, 1 and 2 threads, each lowering; each layer
# against the naive reference; more networks with less of all that; then written, and read by us and by ONNX's checker.
networks=build/models
stoa=build/release/src/cli/stoa
/usr/bin/python3 bench/models/export.py $networks ||
    { echo "the networks could not be exported"; failed=$((failed + 1)); }

for model in $networks/*.onnx; do
    name=$(basename "$model" .onnx)
    for batch in 1 3; do
        for lowering in auto view im2col winograd; do
            for threads in 1 2; do
                count "$name batch $batch, $lowering, $threads threads: PyTorch's outputs" \
                    $stoa verify "$model" --data "$networks/$name.b$batch" --lowering $lowering --threads $threads
            done
        done
    done
    count "$name: each layer is the naive reference's" $stoa verify "$model"
done

breadth=build/breadth
/usr/bin/python3 bench/models/export.py $breadth more ||
    { echo "more networks could not be exported"; failed=$((failed + 1)); }
for model in $breadth/*.onnx; do
    name=$(basename "$model" .onnx)
    for batch in 1 3; do
        count "$name batch $batch: PyTorch's outputs" $stoa verify "$model" --data "$breadth/$name.b$batch" --threads 2
    done
done
# Between them and those above they have every operator of all.
for name in convnext_tiny crnn densenet121 deeplabv3_mobilenet_v3_large efficientnet_b0 esrgan shufflenet_v2_x1_0 unet; do
    count "$name: each layer is the naive reference's" $stoa verify "$breadth/$name.onnx"
done

# As PyTorch exports by default: weights in a file beside the model's.
beside=build/external
mkdir -p $beside
external='import sys, onnx; onnx.save_model(onnx.load(sys.argv[1]), sys.argv[2], save_as_external_data=True, size_threshold=0, location=sys.argv[3])'
for name in resnet18 mobilenet_v2; do
    rm -f $beside/*
    count "$name: onnx writes its weights into a file of their own" \
        /usr/bin/python3 -c "$external" $networks/$name.onnx $beside/$name.onnx $name.onnx.data
    count "$name, weights in a file of their own: PyTorch's outputs" \
        $stoa verify $beside/$name.onnx --data "$networks/$name.b3"
done

# As PyTorch exports modules as functions: here the whole network is one, whose weights it is given.
whole='
import sys, onnx
model = onnx.load(sys.argv[1])
graph, opset = model.graph, onnx.helper.make_opsetid("local", 1)
taken = [value.name for value in list(graph.input) + list(graph.initializer)]
made = [value.name for value in graph.output]
model.functions.append(onnx.helper.make_function("local", "Network", taken, made, graph.node, model.opset_import))
model.opset_import.append(opset)
del graph.node[:]
graph.node.append(onnx.helper.make_node("Network", taken, made, domain="local"))
onnx.save_model(model, sys.argv[2])'
for name in squeezenet1_1 mobilenet_v3_small; do
    count "$name: onnx makes a function of it" /usr/bin/python3 -c "$whole" $networks/$name.onnx $beside/$name.onnx
    count "$name, as a function: PyTorch's outputs" $stoa verify $beside/$name.onnx --data "$networks/$name.b3"
done

count "the README's example runs" build/release/tests/examples/embed $networks/squeezenet1_1.onnx

saved=build/saved
mkdir -p $saved
onnx_check='import sys, onnx; onnx.checker.check_model(sys.argv[1], full_check=True)'
for model in $networks/*.onnx lenet5 vgg_small vgg_bn resnet20 alexnet vgg16 resnet18 mobilenet_v2; do
    name=$(basename "$model" .onnx)
    kind=imported
    [ "$name" = "$model" ] && kind=ready-made
    file=$saved/$kind-$name.onnx
    count "$name, $kind: the file written reads back as the same graph" build/release/tests/resave "$model" "$file"
    count "$name, $kind: onnx.checker accepts the file" /usr/bin/python3 -c "$onnx_check" "$file"
    [ $kind = imported ] &&
        count "$name, $kind: the file written gives PyTorch's outputs" $stoa verify "$file" --data "$networks/$name.b3"
    rm -f "$file"
done
