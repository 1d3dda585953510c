"""Sends log records with OpenTelemetry's own SDK and exporter, as a Function in OpenTelemetry mode does.

Usage: send.py ENDPOINT TOKEN FIRST COUNT none|gzip SECRET
Sends COUNT records, numbered from FIRST, each with SECRET in its body, in headers, and in bytes.
"""

import logging
import sys

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

endpoint, token, first, count, compression, secret = sys.argv[1:]
logging.basicConfig(level=logging.WARNING, stream=sys.stderr)

site = "/subscriptions/0/resourceGroups/r/providers/Microsoft.Web/sites/fn-otlp"
provider = LoggerProvider(resource=Resource.create({"service.name": "fn-otlp", "cloud.resource.id": site}))
exporter = OTLPLogExporter(
    endpoint=endpoint,
    headers={"authorization": f"Bearer {token}"},
    compression=Compression.Gzip if compression == "gzip" else Compression.NoCompression,
)
provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=50))
logger = provider.get_logger("Function.pay.User")

for number in range(int(first), int(first) + int(count)):
    logger.emit(
        LogRecord(
            timestamp=1_772_440_200_000_000_000 + number,
            severity_number=SeverityNumber.ERROR,
            severity_text="Error",
            body=f"order {number}: Authorization: Bearer {secret}",
            attributes={
                "faas.invocation_id": f"invocation-{number}",
                "client.address": "203.0.113.77",
                "user.name": "Planted Person",
                "http.request.method": "POST",
                "url.full": f"https://fn-otlp.azurewebsites.net/api/pay?code={secret}",
                "http.request.header.x-functions-key": [secret],
                "blob": f"x-functions-key: {secret}".encode(),
                "nested": {"inner": {"password": secret}},
            },
        )
    )

provider.force_flush()
provider.shutdown()
