/*
 * store_postgres_libpq.h - libpq, loaded when the first PostgreSQL store is opened.
 *
 * libpq brings some 3 MiB of other libraries (TLS, Kerberos, LDAP). A program that works on SQLite
 * pays nothing for them and needs none of them installed: a build needs libpq's header only. Each
 * function that the driver calls stands in the list; the names below lead through the table, so that
 * the driver reads as if it were linked, and a function missing here fails where it is linked.
 */
#ifndef TK_STORE_POSTGRES_LIBPQ_H
#define TK_STORE_POSTGRES_LIBPQ_H

#include <libpq-fe.h>

#include "base.h"

/* clang-format off */
#define TK_LIBPQ_MAP(X) \
    X(PQbackendPID) X(PQclear) X(PQcmdStatus) X(PQconnectdbParams) X(PQconninfoFree) X(PQconninfoParse) \
    X(PQconsumeInput) X(PQdb) X(PQenterPipelineMode) X(PQerrorMessage) X(PQexec) \
    X(PQexitPipelineMode) X(PQfinish) X(PQflush) X(PQfreemem) X(PQgetResult) \
    X(PQgetisnull) X(PQgetlength) X(PQgetvalue) X(PQhost) X(PQisBusy) X(PQnfields) \
    X(PQnotifies) X(PQntuples) X(PQparameterStatus) X(PQpipelineStatus) X(PQpipelineSync) \
    X(PQresultErrorField) X(PQresultStatus) X(PQsendPrepare) X(PQsendQuery) \
    X(PQsendQueryParams) \
    X(PQsendQueryPrepared) X(PQserverVersion) X(PQsetNoticeReceiver) X(PQsetnonblocking) \
    X(PQsocket) X(PQstatus) X(PQtransactionStatus)

typedef struct {
#define X(name) __typeof__(name) *name;
    TK_LIBPQ_MAP(X)
#undef X
} tk_libpq_table;

extern tk_libpq_table tk_libpq;

#define PQbackendPID        tk_libpq.PQbackendPID
#define PQclear             tk_libpq.PQclear
#define PQcmdStatus         tk_libpq.PQcmdStatus
#define PQconnectdbParams   tk_libpq.PQconnectdbParams
#define PQconninfoFree      tk_libpq.PQconninfoFree
#define PQconninfoParse     tk_libpq.PQconninfoParse
#define PQconsumeInput      tk_libpq.PQconsumeInput
#define PQdb                tk_libpq.PQdb
#define PQenterPipelineMode tk_libpq.PQenterPipelineMode
#define PQerrorMessage      tk_libpq.PQerrorMessage
#define PQexec              tk_libpq.PQexec
#define PQexitPipelineMode  tk_libpq.PQexitPipelineMode
#define PQfinish            tk_libpq.PQfinish
#define PQflush             tk_libpq.PQflush
#define PQfreemem           tk_libpq.PQfreemem
#define PQgetResult         tk_libpq.PQgetResult
#define PQgetisnull         tk_libpq.PQgetisnull
#define PQgetlength         tk_libpq.PQgetlength
#define PQgetvalue          tk_libpq.PQgetvalue
#define PQhost              tk_libpq.PQhost
#define PQisBusy            tk_libpq.PQisBusy
#define PQnfields           tk_libpq.PQnfields
#define PQnotifies          tk_libpq.PQnotifies
#define PQntuples           tk_libpq.PQntuples
#define PQparameterStatus   tk_libpq.PQparameterStatus
#define PQpipelineStatus    tk_libpq.PQpipelineStatus
#define PQpipelineSync      tk_libpq.PQpipelineSync
#define PQresultErrorField  tk_libpq.PQresultErrorField
#define PQresultStatus      tk_libpq.PQresultStatus
#define PQsendPrepare       tk_libpq.PQsendPrepare
#define PQsendQuery         tk_libpq.PQsendQuery
#define PQsendQueryParams   tk_libpq.PQsendQueryParams
#define PQsendQueryPrepared tk_libpq.PQsendQueryPrepared
#define PQserverVersion     tk_libpq.PQserverVersion
#define PQsetNoticeReceiver tk_libpq.PQsetNoticeReceiver
#define PQsetnonblocking    tk_libpq.PQsetnonblocking
#define PQsocket            tk_libpq.PQsocket
#define PQstatus            tk_libpq.PQstatus
#define PQtransactionStatus tk_libpq.PQtransactionStatus
/* clang-format on */

/* Loads libpq unless it is there; any thread may call it. To be called before a function of the table.
 * TASKER_UNSUPPORTED: it is not installed, or is older than the functions of the list. */
tasker_status tk_libpq_load(tasker_error *error);

#endif
