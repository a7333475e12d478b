/** An engine's routes that are nobody's: its remote control, and its pages about itself. */

export const BLOCKED_ROUTES: readonly string[] = [
  ..."sleep wake_up is_sleeping collective_rpc pause resume is_paused server_info".split(" "),
  ..."weight_info tokenizer_info openapi.json load_lora_adapter unload_lora_adapter".split(" "),
  ..."start_profile stop_profile scale_elastic_ep is_scaling_elastic_ep abort_requests".split(" "),
  ..."update_weights init_weight_transfer_engine reset_prefix_cache reset_mm_cache".split(" "),
  ..."reset_encoder_cache release_kv_cache_memory start_weight_update weight_checker".split(" "),
  ..."fault_tolerance/apply metrics load docs favicon.ico".split(" "),
];
