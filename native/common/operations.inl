// The operations of st_api, one file each. Included inside the namespace of a backend, which defines them.

st_status pack(st_stream*, const st_pack*);
st_status embed(st_stream*, const st_embed*);
st_status load_rows(st_stream*, const st_load_rows*);
st_status rms_norm(st_stream*, const st_rms_norm*);
st_status normalize(st_stream*, const st_normalize*);
st_status linear(st_stream*, const st_linear*);
st_status route(st_stream*, const st_route*);
st_status expert_linear(st_stream*, const st_expert_linear*);
st_status combine(st_stream*, const st_combine*);
st_status rope_angles(st_stream*, const st_rope_angles*);
st_status set_blocks(st_stream*, const st_set_blocks*);
st_status qkv_epilogue(st_stream*, const st_qkv_epilogue*);
st_status attention(st_stream*, const st_attention*);
st_status gather_rows(st_stream*, const st_gather_rows*);
st_status penalize(st_stream*, const st_penalize*);
st_status sample(st_stream*, const st_sample*);
st_status probe(st_stream*, const st_probe*);
st_status score(st_stream*, const st_score*);
st_status log_probs(st_stream*, const st_log_probs*);
st_status all_gather(st_stream*, const st_all_gather*);
st_status all_sum(st_stream*, const st_all_sum*);

st_status comm_id(st_device*, uint8_t*);
st_status comm_create(st_device*, const st_comm_options*, st_comm**);
void comm_abort(st_comm*, const char* reason);
void comm_destroy(st_comm*);

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype);
uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary);
