/* The service manager's notification socket (sd_notify(3), protocol of $NOTIFY_SOCKET): READY=1,
 * WATCHDOG=1, STOPPING=1, STATUS=text. */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

/* Sends one state. Without a $NOTIFY_SOCKET, or where nobody listens, it does nothing: a service
 * manager is not needed. */
void notify(const char *state);

#endif
