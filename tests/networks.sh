# Whole networks, sourced by tests/run: PyTorch's outputs for batch 1 and 3, 1 and 2 threads, each lowering; then each
# layer against the naive reference.
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
count "the README's example runs" build/release/tests/examples/embed $networks/squeezenet1_1.onnx
