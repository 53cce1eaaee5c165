#include "ops/alerts/alert_service.h"

#include "api/endpoints.h"
#include "store/store.h"

struct alerts_input {
    const char *severity;
    int64_t start_time, end_time, page, page_size;
};
static const struct param alerts_table[] = {
    PARAM_QUERY(struct alerts_input, severity, TEXT, "Only this severity", .values = alert_severities),
    PARAM_QUERY(struct alerts_input, start_time, TIME, "Raised at or after"),
    PARAM_QUERY(struct alerts_input, end_time, TIME, "Raised before"),
    PARAMS_PAGE(struct alerts_input),
};
const struct params alerts_params = PARAMS(struct alerts_input, alerts_table);

bool alerts_active_get(struct call *call, struct error *err)
{
    const struct alerts_input *input = call->input;
    struct alert_filter filter = {input->severity, input->start_time, input->end_time, input->page,
                                  input->page_size};
    struct alert *alerts;
    size_t count;
    int64_t total;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           alerts_active(db, &filter, call->arena, &alerts, &count, &total, err) &&
           reply_list(call, &alert_descriptor, alerts, count, total, input->page, input->page_size);
}
