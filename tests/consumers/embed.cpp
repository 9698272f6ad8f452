// The README's example in C++17, outside the tree.
#include <cstdio>
#include <stoa/stoa.hpp>
#include <vector>

int main(int argc, char **argv)
{
    std::vector<float> image(1 * 3 * 224 * 224), scores(1000); // N C H W, as ONNX has it
    try {
        stoa::model model(argc > 1 ? argv[1] : "resnet50.onnx");
        stoa::session session(model, {}, 2);
        session.bind_input("input", image.data());
        session.bind_output("output", scores.data());
        session.run();
    } catch (const stoa::exception &exception) {
        std::fprintf(stderr, "%s\n", exception.what());
        return 1;
    }
    std::printf("score of class 0: %g\n", static_cast<double>(scores[0]));
}
