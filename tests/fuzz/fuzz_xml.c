/* formats/xml_scanner against expat: what one reads the other reads too, and both tell the same events. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/xml_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct read_xml plain = read_xml((const char *)data, size);
    struct read_xml slow = read_xml_by_expat((const char *)data, size);
    if (plain.good != slow.good ||
        (plain.good && strcmp(strbuf_text(&plain.events), strbuf_text(&slow.events)) != 0))
        abort();
    if (!plain.good && (plain.err.detail[LANGUAGE_EN][0] == '\0' || plain.err.detail[LANGUAGE_ZH][0] == '\0'))
        abort();
    read_xml_release(&plain);
    read_xml_release(&slow);
    return 0;
}
