// A layer as the backend of a framework of one's own: a convolution with its activation, forward and backward.
// c++ -std=c++17 layer.cpp $(pkg-config --cflags --libs stoa)
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stoa/stoa.hpp>
#include <vector>

// 64-byte aligned memory, as workspaces want it.
struct workspace {
    std::size_t size;
    void *data;
    explicit workspace(std::size_t bytes) : size(bytes), data(std::aligned_alloc(64, (bytes + 63) / 64 * 64 + 64))
    {
        if (!data)
            throw std::bad_alloc();
    }
    ~workspace()
    {
        std::free(data);
    }
    workspace(const workspace &) = delete;
    workspace &operator=(const workspace &) = delete;
};

// What a framework would call: N H W C in and out, 3x3, same size, Relu.
class conv_relu
{
  public:
    conv_relu(std::size_t size, std::size_t in, std::size_t out, std::vector<float> weights)
        : desc_(describe(size, in, out)), weights_(std::move(weights)), forward_(make_forward()),
          backward_(stoa::make_conv2d_backward(desc_)), forward_space_(stoa_conv2d_workspace_size(forward_.get())),
          backward_space_(stoa_conv2d_backward_workspace_size(backward_.get()))
    {
    }
    std::vector<float> forward(const std::vector<float> &x)
    {
        std::vector<float> y(desc_.height * desc_.width * desc_.out_channels);
        stoa_error error;
        if (stoa_conv2d_run(forward_.get(), x.data(), forward_space_.size, forward_space_.data, &error, y.data()))
            throw stoa::exception(error);
        return y;
    }
    // dx; adds rate times the gradient to the weights.
    std::vector<float> backward(const std::vector<float> &x, const std::vector<float> &y, std::vector<float> dy,
                                float rate)
    {
        std::vector<float> dx(x.size()), dweights(weights_.size());
        stoa_error error;
        if (stoa_activation_backward_run(desc_.activation, y.size(), nullptr, y.data(), dy.data(), &error, dy.data()) ||
            stoa_conv2d_backward_set_weights(backward_.get(), weights_.data(), &error) ||
            stoa_conv2d_backward_data(backward_.get(), dy.data(), backward_space_.size, backward_space_.data, &error,
                                      dx.data()) ||
            stoa_conv2d_backward_weights(backward_.get(), x.data(), dy.data(), backward_space_.size,
                                         backward_space_.data, &error, dweights.data(), nullptr))
            throw stoa::exception(error);
        for (std::size_t i = 0; i < weights_.size(); i++)
            weights_[i] += rate * dweights[i];
        if (stoa_conv2d_set_weights(forward_.get(), weights_.data(), nullptr, &error))
            throw stoa::exception(error);
        return dx;
    }

  private:
    static stoa_conv2d_desc describe(std::size_t size, std::size_t in, std::size_t out)
    {
        stoa_conv2d_desc desc = {};
        desc.height = desc.width = size;
        desc.in_channels = in;
        desc.out_channels = out;
        desc.kernel[0] = desc.kernel[1] = 3;
        for (std::size_t &pad : desc.pad)
            pad = 1;
        desc.layout = STOA_NHWC;
        desc.activation = STOA_RELU;
        return desc;
    }
    stoa::conv2d make_forward() const
    {
        return stoa::make_conv2d(desc_, weights_.data());
    }

    stoa_conv2d_desc desc_;
    std::vector<float> weights_;
    stoa::conv2d forward_;
    stoa::conv2d_backward backward_;
    workspace forward_space_, backward_space_;
};

// Teaches the layer to give 1 everywhere, from x = 1.
int main()
{
    try {
        const std::size_t size = 12, in = 4, out = 8;
        conv_relu layer(size, in, out, std::vector<float>(out * in * 9, 0.01f));
        const std::vector<float> x(size * size * in, 1.0f);
        float loss = 0, first = 0;
        for (int step = 0; step < 50; step++) {
            const std::vector<float> y = layer.forward(x);
            std::vector<float> dy(y.size());
            loss = 0;
            for (std::size_t i = 0; i < y.size(); i++) {
                dy[i] = y[i] - 1;
                loss += dy[i] * dy[i] / 2;
            }
            if (step == 0)
                first = loss;
            layer.backward(x, y, dy, -0.0003f);
        }
        std::printf("%s\nloss %g, then %g\n", stoa_version(), static_cast<double>(first), static_cast<double>(loss));
        return loss < first / 10 ? 0 : 1;
    } catch (const std::exception &exception) {
        std::fprintf(stderr, "%s\n", exception.what());
        return 1;
    }
}
