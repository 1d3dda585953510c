// Sends the tenant's sign-ins and directory changes to the event hub that Gatewatch reads.
//
//   az deployment tenant create --name gatewatch-entra --location westeurope \
//     --template-file deploy/diagnostics-entra.bicep \
//     --parameters authorizationRuleId=… eventHub=…
//
// It takes a Security Administrator of the tenant, with the right to deploy at its root. The sign-in logs need a
// Premium licence of Entra; leave their categories out without one.

targetScope = 'tenant'

@description('Resource id of an authorization rule of the event hub\'s namespace, with Manage, Send and Listen.')
param authorizationRuleId string

@description('Name of the event hub.')
param eventHub string

@description('Name of the diagnostic setting that is made.')
param settingName string = 'gatewatch'

@description('What to send.')
param categories array = [
  'SignInLogs'
  'NonInteractiveUserSignInLogs'
  'ServicePrincipalSignInLogs'
  'ManagedIdentitySignInLogs'
  'AuditLogs'
]

resource entra 'microsoft.aadiam/diagnosticSettings@2017-04-01' = {
  name: settingName
  properties: {
    eventHubAuthorizationRuleId: authorizationRuleId
    eventHubName: eventHub
    logs: map(categories, category => {
      category: category
      enabled: true
    })
  }
}
