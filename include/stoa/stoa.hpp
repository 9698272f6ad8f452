/* Stoa for C++17: handles that free what they own, and exceptions instead of statuses. Header only; everything else is
 * as in the C headers, which it brings in, and whose functions take what `get()` returns.
 *
 *     stoa::model model("resnet50.onnx");
 *     stoa::session session(model, {}, 2);
 *     session.bind_input("input", image.data());
 *     session.bind_output("output", scores.data());
 *     session.run();
 */
#ifndef STOA_STOA_HPP
#define STOA_STOA_HPP

#include <memory>
#include <stdexcept>
#include <stoa/stoa.h>
#include <string>
#include <vector>

namespace stoa
{

/* What a call that failed says. */
class exception : public std::runtime_error
{
  public:
    explicit exception(const stoa_error &error) : std::runtime_error(error.message), status_(error.status)
    {
    }
    stoa_status status() const noexcept
    {
        return status_;
    }

  private:
    stoa_status status_;
};

/* Calls function(arguments..., &error) and throws what failed: of functions whose last argument is the error. */
template <typename Function, typename... Arguments> void call(Function function, Arguments... arguments)
{
    stoa_error error = {};
    if (function(arguments..., &error) != STOA_OK)
        throw exception(error);
}

/* The same of those that have one result more: call_for<T>(function, arguments...) returns it. */
template <typename Result, typename Function, typename... Arguments>
Result call_for(Function function, Arguments... arguments)
{
    stoa_error error = {};
    Result result = {};
    if (function(arguments..., &error, &result) != STOA_OK)
        throw exception(error);
    return result;
}

/* An owner of one of the library's objects. Moves, and does not copy. */
template <typename Object, void (*Free)(Object *)> class handle
{
  public:
    handle() = default;
    explicit handle(Object *object) : object_(object)
    {
    }
    Object *get() const noexcept
    {
        return object_.get();
    }
    explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }

  private:
    struct deleter {
        void operator()(Object *object) const noexcept
        {
            Free(object);
        }
    };
    std::unique_ptr<Object, deleter> object_;
};

/* Dims of an input, for sessions: {"x", {1, 3, 224, 224}}. */
struct input {
    std::string name;
    std::vector<std::size_t> dims;
    stoa_layout layout = STOA_NCHW;
    const void *data = nullptr; /* its fixed value, as of stoa_input_spec */
};

inline std::vector<stoa_input_spec> specs_of(const std::vector<input> &inputs)
{
    std::vector<stoa_input_spec> specs;
    for (const input &given : inputs) {
        stoa_input_spec spec = {};
        if (given.dims.size() > STOA_MAX_RANK)
            throw std::length_error("input '" + given.name + "' has too many dims");
        spec.name = given.name.c_str();
        spec.rank = given.dims.size();
        spec.layout = given.layout;
        spec.data = given.data;
        for (std::size_t i = 0; i < given.dims.size(); i++)
            spec.dims[i] = given.dims[i];
        specs.push_back(spec);
    }
    return specs;
}

class model : public handle<stoa_model, stoa_model_free>
{
  public:
    explicit model(stoa_model *object) : handle(object)
    {
    }
    explicit model(const std::string &path, const stoa_model_options *options = nullptr)
        : handle(call_for<stoa_model *>(stoa_model_load, path.c_str(), options))
    {
    }
    /* The bytes must outlive the model. */
    model(const void *data, std::size_t size, const stoa_model_options *options = nullptr)
        : handle(call_for<stoa_model *>(stoa_model_load_memory, data, size, options))
    {
    }
    std::size_t input_count() const
    {
        return stoa_model_input_count(get());
    }
    std::size_t output_count() const
    {
        return stoa_model_output_count(get());
    }
    stoa_value_info input_info(std::size_t index) const
    {
        return call_for<stoa_value_info>(stoa_model_input, get(), index);
    }
    stoa_value_info output_info(std::size_t index) const
    {
        return call_for<stoa_value_info>(stoa_model_output, get(), index);
    }
    void save(const std::string &path) const
    {
        call(stoa_model_save, get(), path.c_str());
    }
};

/* The model must outlive its sessions. */
class session : public handle<stoa_session, stoa_session_free>
{
  public:
    explicit session(const model &model, const std::vector<input> &inputs = {}, std::size_t threads = 0)
        : session(model, inputs, with_threads(threads))
    {
    }
    /* inputs take the place of options.inputs. */
    session(const model &model, const std::vector<input> &inputs, stoa_session_options options)
        : handle(create(model, inputs, options))
    {
    }
    void reshape(const std::vector<input> &inputs)
    {
        const std::vector<stoa_input_spec> specs = specs_of(inputs);
        call(stoa_session_reshape, get(), specs.data(), specs.size());
    }
    void bind_input(const std::string &name, const void *data)
    {
        call(stoa_session_bind_input, get(), name.c_str(), data);
    }
    void bind_output(const std::string &name, void *data)
    {
        call(stoa_session_bind_output, get(), name.c_str(), data);
    }
    void run()
    {
        call(stoa_session_run, get());
    }
    void cancel() noexcept
    {
        stoa_session_cancel(get());
    }
    void trim() noexcept
    {
        stoa_session_trim(get());
    }
    stoa_tensor input_tensor(const std::string &name) const
    {
        return call_for<stoa_tensor>(stoa_session_input, get(), name.c_str());
    }
    /* data: where the result is after a run. */
    stoa_tensor output_tensor(const std::string &name) const
    {
        return call_for<stoa_tensor>(stoa_session_output, get(), name.c_str());
    }
    stoa_memory_info memory() const
    {
        stoa_memory_info info = {};
        stoa_session_memory(get(), &info);
        return info;
    }

  private:
    static stoa_session_options with_threads(std::size_t threads)
    {
        stoa_session_options options = {};
        options.threads = threads;
        return options;
    }
    static stoa_session *create(const model &model, const std::vector<input> &inputs, stoa_session_options options)
    {
        const std::vector<stoa_input_spec> specs = specs_of(inputs);
        options.inputs = specs.data();
        options.input_count = specs.size();
        const stoa_session_options *given = &options;
        return call_for<stoa_session *>(stoa_session_create, static_cast<const stoa_model *>(model.get()), given);
    }
};

using conv2d = handle<stoa_conv2d, stoa_conv2d_free>;
using conv2d_backward = handle<stoa_conv2d_backward, stoa_conv2d_backward_free>;
using linear = handle<stoa_linear, stoa_linear_free>;

inline conv2d make_conv2d(const stoa_conv2d_desc &desc, const float *weights, const float *bias = nullptr)
{
    return conv2d(call_for<stoa_conv2d *>(stoa_conv2d_create, &desc, weights, bias));
}
inline conv2d_backward make_conv2d_backward(const stoa_conv2d_desc &desc)
{
    return conv2d_backward(call_for<stoa_conv2d_backward *>(stoa_conv2d_backward_create, &desc));
}
inline linear make_linear(const stoa_linear_desc &desc, const float *weights, const float *bias = nullptr)
{
    return linear(call_for<stoa_linear *>(stoa_linear_create, &desc, weights, bias));
}

} // namespace stoa

#endif
