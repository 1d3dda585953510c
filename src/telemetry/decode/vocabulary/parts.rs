//! The names that are wanted of objects within a record: of errors, identities, answers.

use super::super::members::names;

names! {
    /// What is wanted of an APIM error.
    ApimError {
        Reason "reason",
        Message "message",
    }
}

names! {
    /// What is wanted of the details of a firewall's match.
    MatchDetail {
        Msg "msg",
    }
}

names! {
    /// What is wanted of the `identity` of a storage record.
    StorageIdentity {
        Type "type",
        TokenHash "tokenHash",
        Requester "requester",
        DelegatedResource "delegatedResource",
    }
}

names! {
    /// What is wanted of a storage record's requester, and of the resource that asked for it.
    StorageRequester {
        AppId "appId",
        ObjectId "objectId",
        TenantId "tenantId",
        Upn "upn",
        UserName "userName",
        ResourceId "resourceId",
    }
}

names! {
    /// What is wanted of a SQL audit record: as Event Hubs gets it, as a table of its own has it,
    /// and as `AzureDiagnostics` has it.
    SqlAudit {
        ActionId "action_id",
        ActionIdTable "ActionId",
        ActionIdColumn "action_id_s",
        ActionName "action_name",
        ActionNameTable "ActionName",
        ActionNameColumn "action_name_s",
        Succeeded "succeeded",
        SucceededColumn "succeeded_s",
        ClientIp "client_ip",
        ClientIpTable "ClientIp",
        ClientIpColumn "client_ip_s",
        Principal "server_principal_name",
        PrincipalTable "ServerPrincipalName",
        PrincipalColumn "server_principal_name_s",
        User "database_principal_name",
        UserTable "DatabasePrincipalName",
        UserColumn "database_principal_name_s",
        Session "session_server_principal_name",
        SessionTable "SessionServerPrincipalName",
        SessionColumn "session_server_principal_name_s",
        Database "database_name",
        DatabaseTable "DatabaseName",
        DatabaseColumn "database_name_s",
        Schema "schema_name",
        SchemaTable "SchemaName",
        SchemaColumn "schema_name_s",
        Object "object_name",
        ObjectTable "ObjectName",
        ObjectColumn "object_name_s",
        Application "application_name",
        ApplicationTable "ApplicationName",
        ApplicationColumn "application_name_s",
        Statement "statement",
        StatementColumn "statement_s",
        Tls "client_tls_version",
        TlsTable "ClientTlsVersion",
        TlsColumn "client_tls_version_d",
        Milliseconds "duration_milliseconds",
        MillisecondsTable "DurationMs",
        MillisecondsColumn "duration_milliseconds_d",
    }
}

names! {
    /// What is wanted of a value that has two names: Azure's own, and one for people.
    Localized {
        Value "value",
        LocalizedValue "localizedValue",
    }
}

names! {
    /// What is wanted of an Activity record's `authorization`, and of the `evidence` in it.
    Authorization {
        Scope "scope",
        Action "action",
        Role "role",
        Evidence "evidence",
        PrincipalType "principalType",
    }
}

names! {
    /// What is wanted of an Activity record's `httpRequest`.
    HttpRequest {
        ClientIpAddress "clientIpAddress",
        Method "method",
    }
}

names! {
    /// What is wanted of an answer of Azure Resource Manager, and of an exception.
    Fault {
        Error "error",
        Code "code",
        Message "message",
        Type "type",
    }
}

names! {
    /// What is wanted of the objects within a sign-in.
    SignInPart {
        ErrorCode "errorCode",
        FailureReason "failureReason",
        CountryOrRegion "countryOrRegion",
        DisplayName "displayName",
        Result "result",
        AssociatedResourceId "associatedResourceId",
    }
}

names! {
    /// What is wanted of those who changed the directory, and of what they changed.
    DirectoryPart {
        User "user",
        App "app",
        Id "id",
        Type "type",
        AppId "appId",
        DisplayName "displayName",
        UserPrincipalName "userPrincipalName",
        ServicePrincipalId "servicePrincipalId",
        IpAddress "ipAddress",
        ModifiedProperties "modifiedProperties",
        OldValue "oldValue",
        NewValue "newValue",
        Key "key",
        Value "value",
    }
}

names! {
    /// What is wanted of the objects of an OpenTelemetry export.
    ExportPart {
        Resource "resource",
        ScopeLogs "scopeLogs",
        Scope "scope",
        LogRecords "logRecords",
        Attributes "attributes",
        Name "name",
        TimeUnixNano "timeUnixNano",
        ObservedTimeUnixNano "observedTimeUnixNano",
        SeverityNumber "severityNumber",
        SeverityText "severityText",
        Body "body",
        TraceId "traceId",
        EventName "eventName",
    }
}

names! {
    /// What is wanted of an OpenTelemetry resource.
    ResourceAttribute {
        ServiceName "service.name",
        CloudResourceId "cloud.resource_id",
        CloudResourceIdOfFunctions "cloud.resource.id",
        FaasName "faas.name",
    }
}

names! {
    /// What is wanted of an OpenTelemetry record's attributes.
    LogAttribute {
        RequestMethod "http.request.method",
        Method "http.method",
        UrlFull "url.full",
        HttpUrl "http.url",
        UrlPath "url.path",
        HttpTarget "http.target",
        UrlQuery "url.query",
        ServerAddress "server.address",
        HostHeader "http.request.header.host",
        HttpHost "http.host",
        NetHostName "net.host.name",
        StatusCode "http.response.status_code",
        HttpStatusCode "http.status_code",
        RequestSize "http.request.body.size",
        RequestContentLength "http.request_content_length",
        ResponseSize "http.response.body.size",
        ResponseContentLength "http.response_content_length",
        ClientAddress "client.address",
        HttpClientIp "http.client_ip",
        SourceAddress "source.address",
        ClientPort "client.port",
        PeerAddress "network.peer.address",
        NetPeerIp "net.peer.ip",
        NetSockPeerAddr "net.sock.peer.addr",
        PeerPort "network.peer.port",
        Forwarded "http.request.header.x-forwarded-for",
        UserAgent "user_agent.original",
        HttpUserAgent "http.user_agent",
        UserAgentHeader "http.request.header.user-agent",
        TlsVersion "tls.protocol.version",
        Referer "http.request.header.referer",
        Origin "http.request.header.origin",
        CookieHeader "http.request.header.cookie",
        AllowOrigin "http.response.header.access-control-allow-origin",
        ExceptionType "exception.type",
        ExceptionMessage "exception.message",
        UserName "user.name",
        UserEmail "user.email",
        UserFullName "user.full_name",
        UserId "user.id",
        EnduserId "enduser.id",
        FaasName "faas.name",
        FaasInvocationId "faas.invocation_id",
        FaasExecution "faas.execution",
        InvocationId "InvocationId",
        FunctionsInvocationId "AzureFunctions_InvocationId",
    }
}
