// Sends what Gatewatch reads to one event hub, for a whole subscription.
//
//   az deployment sub create --name gatewatch --location westeurope \
//     --template-file deploy/diagnostics.bicep --parameters authorizationRuleId=… eventHub=… (docs/deploy.md)
//
// docs/deploy.md says how to make the parameters from what the subscription holds. Each resource gets a
// diagnostic setting of its own name (settingName), so that none that is there is replaced; run it again and it
// changes nothing. Sign-ins to Entra are the tenant's: deploy/diagnostics-entra.bicep.

targetScope = 'subscription'

@description('Resource id of an authorization rule of the event hub\'s namespace, with Manage, Send and Listen.')
param authorizationRuleId string

@description('Name of the event hub.')
param eventHub string

@description('Name of the diagnostic settings that are made.')
param settingName string = 'gatewatch'

@description('Whether the subscription\'s Activity log is sent too.')
param activityLog bool = true

@description('Resource ids of function apps on Basic and Standard plans, and Elastic Premium.')
param functionApps array = []

@description('Resource ids of function apps on Windows plans of the Premium tier and above.')
param premiumFunctionApps array = []

@description('Resource ids of function apps on Consumption and Flex Consumption plans.')
param consumptionFunctionApps array = []

@description('Resource ids of the Application Insights resources that function apps report to.')
param applicationInsights array = []

@description('Resource ids of API Management services.')
param apiManagements array = []

@description('Resource ids of Front Doors, Standard and Premium (microsoft.cdn/profiles).')
param frontDoors array = []

@description('Resource ids of classic Front Doors (microsoft.network/frontdoors).')
param classicFrontDoors array = []

@description('Resource ids of Application Gateways.')
param applicationGateways array = []

@description('Resource ids of Key Vaults.')
param keyVaults array = []

@description('Resource ids of storage accounts, whose blob service is watched.')
param storageAccounts array = []

@description('Resource ids of servers of Azure SQL. Auditing must be switched on for them, with Azure Monitor as its target.')
param sqlServers array = []

@description('Resource ids of Cosmos DB accounts.')
param cosmosAccounts array = []

// Azure refuses a setting that names a category which the resource can't send. What it can:
//   az monitor diagnostic-settings categories list --resource ID
@description('Categories of functionApps.')
param functionAppCategories array = [
  'FunctionAppLogs'
  'AppServiceHTTPLogs'
  'AppServiceAuditLogs'
  'AppServiceIPSecAuditLogs'
  'AppServicePlatformLogs'
  'AppServiceConsoleLogs'
  'AppServiceAppLogs'
]

@description('Categories that premiumFunctionApps send beside these.')
param premiumFunctionAppCategories array = [
  'AppServiceAuthenticationLogs'
  'AppServiceFileAuditLogs'
  'AppServiceAntivirusScanAuditLogs'
]

@description('Categories of consumptionFunctionApps.')
param consumptionFunctionAppCategories array = [
  'FunctionAppLogs'
]

var groups = [
  {
    kind: 'app'
    ids: functionApps
    categories: functionAppCategories
  }
  {
    kind: 'app'
    ids: premiumFunctionApps
    categories: concat(functionAppCategories, premiumFunctionAppCategories)
  }
  {
    kind: 'app'
    ids: consumptionFunctionApps
    categories: consumptionFunctionAppCategories
  }
  {
    kind: 'insights'
    ids: applicationInsights
    categories: [
      'AppRequests'
      'AppDependencies'
      'AppTraces'
      'AppExceptions'
    ]
  }
  {
    kind: 'apim'
    ids: apiManagements
    categories: [
      'GatewayLogs'
      'WebSocketConnectionLogs'
    ]
  }
  {
    kind: 'frontDoor'
    ids: frontDoors
    categories: [
      'FrontDoorAccessLog'
      'FrontDoorWebApplicationFirewallLog'
    ]
  }
  {
    kind: 'classicFrontDoor'
    ids: classicFrontDoors
    categories: [
      'FrontdoorAccessLog'
      'FrontdoorWebApplicationFirewallLog'
    ]
  }
  {
    kind: 'applicationGateway'
    ids: applicationGateways
    categories: [
      'ApplicationGatewayAccessLog'
      'ApplicationGatewayFirewallLog'
    ]
  }
  {
    kind: 'keyVault'
    ids: keyVaults
    categories: [
      'AuditEvent'
    ]
  }
  {
    kind: 'storage'
    ids: storageAccounts
    categories: [
      'StorageRead'
      'StorageWrite'
      'StorageDelete'
    ]
  }
  {
    kind: 'sql'
    ids: sqlServers
    categories: [
      'SQLSecurityAuditEvents'
    ]
  }
  {
    kind: 'cosmos'
    ids: cosmosAccounts
    categories: [
      'DataPlaneRequests'
    ]
  }
]

// One deployment a resource, in the resource's own group.
var resources = flatten(map(groups, group => map(group.ids, id => {
  id: id
  kind: group.kind
  categories: group.categories
})))

module settings 'diagnostics/resource.bicep' = [for one in resources: {
  name: 'gatewatch-${uniqueString(one.id)}'
  scope: resourceGroup(split(one.id, '/')[2], split(one.id, '/')[4])
  params: {
    kind: one.kind
    resourceName: last(split(one.id, '/'))
    categories: one.categories
    settingName: settingName
    authorizationRuleId: authorizationRuleId
    eventHub: eventHub
  }
}]

resource activity 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (activityLog) {
  name: settingName
  properties: {
    eventHubAuthorizationRuleId: authorizationRuleId
    eventHubName: eventHub
    logs: [
      {
        category: 'Administrative'
        enabled: true
      }
      {
        category: 'Security'
        enabled: true
      }
      {
        category: 'Policy'
        enabled: true
      }
      {
        category: 'Alert'
        enabled: true
      }
    ]
  }
}
