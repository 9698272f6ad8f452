/* The layout of every public struct, as published for 64-bit machines: building this is the test. A new member takes
 * the place of reserved words, which moves `reserved` (the second number) and leaves the size as it is; sizes change
 * with the soname alone. */
#include <stddef.h>
#include <stoa/data.h>
#include <stoa/show.h>
#include <stoa/stoa.h>

#define SIZE(name, size) _Static_assert(sizeof(void *) != 8 || sizeof(struct name) == (size), #name)
#define GROWS(name, size, place)                                                                                       \
    SIZE(name, size);                                                                                                  \
    _Static_assert(sizeof(void *) != 8 || offsetof(struct name, reserved) == (place), #name ".reserved")

GROWS(stoa_batch_norm_desc, 128, 64);
GROWS(stoa_blas_info, 64, 32);
GROWS(stoa_builder_options, 96, 32);
SIZE(stoa_value, 8);
GROWS(stoa_build_conv, 184, 120);
GROWS(stoa_build_linear, 80, 16);
GROWS(stoa_build_pool, 136, 72);
GROWS(stoa_build_norm, 72, 8);
GROWS(stoa_net_options, 128, 64);
GROWS(stoa_dataset_options, 128, 64);
GROWS(stoa_dataset_info, 104, 72);
GROWS(stoa_loader_options, 136, 72);
GROWS(stoa_batch, 72, 40);
GROWS(stoa_gradient_info, 176, 144);
GROWS(stoa_gradient_options, 160, 96);
SIZE(stoa_allocator, 24);
SIZE(stoa_pool, 24);
SIZE(stoa_log, 16);
GROWS(stoa_lowering_info, 72, 56);
GROWS(stoa_lowering_choice, 64, 32);
GROWS(stoa_conv2d_desc, 232, 168);
GROWS(stoa_pool2d_desc, 208, 144);
GROWS(stoa_linear_desc, 120, 56);
GROWS(stoa_model_options, 80, 16);
GROWS(stoa_value_info, 120, 96);
GROWS(stoa_input_spec, 160, 96);
GROWS(stoa_output_spec, 48, 16);
GROWS(stoa_session_options, 256, 128);
GROWS(stoa_step_info, 160, 128);
GROWS(stoa_worker_info, 40, 24);
GROWS(stoa_rewrite_info, 40, 24);
GROWS(stoa_memory_info, 64, 32);
SIZE(stoa_error, 1028);
SIZE(stoa_tensor, 152);
GROWS(stoa_trainer_options, 320, 256);
GROWS(stoa_train_result, 72, 40);
GROWS(stoa_parameter_info, 136, 104);
GROWS(stoa_examples, 40, 24);
GROWS(stoa_batches, 96, 32);
GROWS(stoa_evaluation, 64, 32);
GROWS(stoa_fit_progress, 120, 88);
GROWS(stoa_fit_epoch, 112, 80);
GROWS(stoa_fit_options, 136, 72);
GROWS(stoa_fit_result, 72, 40);
GROWS(stoa_layer_check, 256, 224);
GROWS(stoa_verify_options, 96, 32);
SIZE(stoa_array, 176);
GROWS(stoa_subject, 104, 40);
SIZE(stoa_text, 40);
GROWS(stoa_mistake, 56, 40);
GROWS(stoa_mistakes, 64, 32);
GROWS(stoa_maximize_options, 136, 72);
GROWS(stoa_steps_tap, 72, 56);
SIZE(stoa_steps_result, 68);
GROWS(stoa_steps_after, 40, 24);
GROWS(stoa_steps, 672, 608);
GROWS(stoa_deconv_options, 112, 48);
GROWS(stoa_deconv_unit, 56, 40);
GROWS(stoa_deconv_info, 128, 96);
GROWS(stoa_deconv_pictures, 56, 24);
GROWS(stoa_deconv_item, 104, 88);
GROWS(stoa_deconv_sheet, 56, 24);

int stoa_layouts_hold(void);
int stoa_layouts_hold(void)
{
    return 1;
}
