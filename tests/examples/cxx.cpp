// The C++ header: owners move, failures throw, sessions reshape. Exits with the line of what does not hold.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stoa/stoa.hpp>
#include <utility>
#include <vector>

#define EXPECT(condition)                                                                                              \
    if (!(condition)) {                                                                                                \
        std::printf("line %d: %s\n", __LINE__, #condition);                                                            \
        return 1;                                                                                                      \
    }

int main()
{
    try {
        stoa::model missing("nowhere.onnx");
        EXPECT(false);
    } catch (const stoa::exception &exception) {
        EXPECT(exception.status() == STOA_ERROR_IO && std::strstr(exception.what(), "nowhere.onnx"));
    }
    stoa::model made(stoa::call_for<stoa_model *>(stoa_net_create, "lenet5", static_cast<stoa_net_options *>(nullptr)));
    stoa::model model(std::move(made));
    EXPECT(model && !made);
    EXPECT(model.input_count() == 1 && model.output_count() == 1 && model.input_info(0).rank == 4);
    stoa::session session(model, {}, 1);
    std::vector<float> image(2 * 28 * 28, 0.5f), scores(10);
    session.bind_input("input", image.data());
    session.bind_output("output", scores.data());
    session.run();
    session.reshape({{"input", {2, 1, 28, 28}}});
    session.bind_input("input", image.data());
    session.run();
    stoa::session fixed(model, {{"input", {1, 1, 28, 28}, STOA_NCHW, image.data()}}, 1);
    fixed.run();
    const stoa_tensor output = session.output_tensor("output"), same = fixed.output_tensor("output");
    EXPECT(output.dims[0] == 2);
    for (size_t i = 0; i < 10; i++) { // products of one row and of two may round differently, and what is planned with
        EXPECT(std::fabs(static_cast<const float *>(output.data)[i] - scores[i]) < 1e-5f);
        EXPECT(std::fabs(static_cast<const float *>(same.data)[i] - scores[i]) < 1e-5f);
    }
    EXPECT(session.memory().peak >= session.memory().weights);
    session.cancel();
    try {
        session.run();
        EXPECT(false);
    } catch (const stoa::exception &exception) {
        EXPECT(exception.status() == STOA_ERROR_CANCELLED);
    }
    session.trim();
    session.run();
    stoa::session other = std::move(session);
    EXPECT(other && !session);
    stoa_linear_desc desc = {};
    desc.in_features = desc.out_features = 1;
    const float two = 2;
    float y = 0;
    stoa::linear linear = stoa::make_linear(desc, &two);
    stoa::call([&](stoa_error *error) { return stoa_linear_run(linear.get(), &two, error, &y); });
    EXPECT(y == 4);
    return 0;
}
