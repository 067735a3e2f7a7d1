"""What any participant is: the way in, the way through and the way out of a message.

Ingress (socket → inbox), dispatch (inbox → handler → outbox), delivery (outbox → peer), and what
holds them up: settings, application, runtime, telemetry. It knows no energy and no contract.
"""
